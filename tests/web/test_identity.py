"""Who is asking: the cookie's owner without accounts, whoever has been settled with them."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from fastapi import HTTPException, Request

from domain.accounts import Role, User
from web.identity import CALLER, LOCAL_API, Caller, caller_of, require, user_caller
from web.visitors import console_of

OWNER = "a" * 43
ANN = user_caller(User("u1", "ann", "operator", 0.0), by_key=False)


def scope(cookie: str = "", caller: Caller | None = None) -> dict[str, Any]:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return {"type": "http", "method": "GET", "path": "/", "headers": headers, **({CALLER: caller} if caller else {})}


def test_without_accounts_a_browser_is_known_by_its_cookie_and_may_do_everything() -> None:
    assert caller_of(scope(f"colloquy_owner={OWNER}")) == Caller(OWNER, "admin")


def test_a_browser_without_a_cookie_of_ours_is_nobody() -> None:
    assert caller_of(scope()) is None
    assert caller_of(scope("colloquy_owner=user:u1")) is None


def test_several_cookie_headers_count_as_one() -> None:
    headers = [(b"cookie", b"a=b"), (b"cookie", f"colloquy_owner={OWNER}".encode())]
    assert caller_of({"headers": headers}) == Caller(OWNER, "admin")


def test_who_has_been_settled_is_not_asked_for_a_cookie() -> None:
    assert caller_of(scope(f"colloquy_owner={OWNER}", ANN)) == ANN


def test_every_kind_of_request_gives_the_same_caller() -> None:
    request = Request(scope(caller=ANN))
    assert caller_of(request) == ANN
    assert caller_of(gr.Request(request)) == ANN


def test_an_account_owns_its_conversations_by_a_name_that_no_cookie_can_hold() -> None:
    assert (ANN.owner, ANN.role, ANN.name) == ("user:u1", "operator", "ann")


@pytest.mark.parametrize("needed", ["reader", "agent", "operator"])
def test_a_role_includes_those_before_it(needed: Role) -> None:
    assert require(needed)(Request(scope(caller=ANN))) == ANN


def test_a_role_does_not_include_those_after_it() -> None:
    with pytest.raises(HTTPException) as refused:
        require("admin")(Request(scope(caller=ANN)))
    assert (refused.value.status_code, "role “admin”; yours is “operator”" in refused.value.detail) == (403, True)


def test_without_accounts_the_person_at_this_machine_is_let_through() -> None:
    assert require("admin")(Request(scope())) == LOCAL_API


@pytest.mark.parametrize(
    ("role", "place"), [("reader", ""), ("agent", "operator/queue"), ("operator", "operator"), ("admin", "operator")]
)
def test_each_role_is_led_to_the_page_of_the_console_that_it_may_open(role: Role, place: str) -> None:
    assert console_of(gr.Request(Request(scope(caller=Caller("user:u1", role, "ann"))))) == place


def test_without_accounts_the_person_at_this_machine_is_led_to_the_console_and_nobody_is() -> None:
    assert console_of(gr.Request(Request(scope(f"colloquy_owner={OWNER}")))) == "operator"
    assert console_of(gr.Request(Request(scope()))) == ""
