"""Uploading a file on the chat page and asking about it; nobody else sees it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fpdf import FPDF
from playwright.sync_api import Page, expect

from domain.own_files import own_base
from tests.end_to_end.browsing import PHONE, Visit, ask, needs_chromium
from tests.end_to_end.fake_page import Served

pytestmark = [pytest.mark.browser, needs_chromium]

LEASE = "# Lease\n\n## Deposit\n\nThe deposit is two months of rent.\n"


@pytest.fixture
def lease(tmp_path: Path) -> Path:
    path = tmp_path / "lease.md"
    path.write_text(LEASE)
    return path


def upload(page: Page, path: Path) -> None:
    page.set_input_files("#file", path)
    expect(page.locator("#toast")).to_be_visible()


def test_a_file_can_be_asked_about_at_once_and_its_place_is_shown(visit: Visit, lease: Path) -> None:
    page = visit()
    upload(page, lease)
    expect(page.locator("#toast")).to_have_text("Lease can be asked about now.")
    expect(page.locator(".welcome")).to_contain_text("Only you can see these files.")
    expect(page.locator("#knowledge-base option:checked")).to_have_text("Your files")
    ask(page, "how large is the deposit?")
    expect(page.locator("#live .answer")).to_contain_text("The deposit is two months of rent")
    page.locator("#panel a.open").first.click()
    expect(page.locator("#viewer mark")).to_have_text("The deposit is two months of rent.")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("#knowledge-base option:checked")).to_have_text("Your files")


def test_a_pdf_opens_at_the_cited_place_and_names_its_page(visit: Visit, tmp_path: Path) -> None:
    pdf = FPDF()
    for text in ("The lease begins in May.", "The deposit is two months of rent."):
        pdf.add_page()
        pdf.set_font("helvetica", size=12)
        pdf.multi_cell(0, 8, text)
    path = tmp_path / "lease.pdf"
    path.write_bytes(bytes(pdf.output()))
    page = visit()
    upload(page, path)
    ask(page, "how large is the deposit?")
    page.locator("#panel a.open").first.click()
    expect(page.locator("#viewer")).to_contain_text("Page 2 of the PDF")
    expect(page.locator("#viewer mark")).to_have_text("The deposit is two months of rent.")


def test_somebody_else_sees_nothing_of_it(visit: Visit, served: Served, lease: Path) -> None:
    page, other = visit(), visit()
    upload(page, lease)
    expect(page.locator(".files li")).to_have_count(1)
    base = page.locator("#knowledge-base").input_value()
    other.reload()
    expect(other.locator("h1#knowledge-base")).to_have_text("Harbourline help")
    other.evaluate("base => document.querySelector('#knowledge-base').dataset.value = base", base)
    other.fill("#message", "how large is the deposit?")
    other.press("#message", "Enter")
    expect(other.locator("#live .failure")).to_contain_text("no longer exists")
    place = {"kb": base, "id": "uploads/lease.md"}
    assert httpx.get(f"{served.url}document", params=place).status_code == 404
    assert httpx.delete(f"{served.url}upload", params={"id": "uploads/lease.md"}).status_code == 404
    assert httpx.post(f"{served.url}upload", params={"name": "x.md"}, content=b"x").status_code == 403
    assert base != own_base("")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("photo.png", b"\x89PNG", "of a kind that cannot be read"),
        ("fake.pdf", b"# Lease", "is damaged or not a PDF"),
        ("big.md", b"words " * 40_000, "more than the 0 MiB a file may"),
    ],
    ids=["a picture", "no PDF inside", "too large"],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(
    visit: Visit, tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    page = visit()
    upload(page, path)
    expect(page.locator("#toast.warning")).to_contain_text(said)
    expect(page.locator("#sending")).to_be_hidden()
    ask(page, "is the line good?")


def test_a_file_can_be_taken_out_again_and_with_the_last_the_list_is_gone(visit: Visit, lease: Path) -> None:
    page = visit()
    upload(page, lease)
    page.get_by_role("button", name="Remove Lease").click()
    expect(page.locator("[data-remove-file]")).to_have_text("Remove?")
    page.locator("[data-remove-file]").click()
    expect(page.locator(".welcome")).to_contain_text("84 documents")
    expect(page.locator("h1#knowledge-base")).to_have_text("Harbourline help")


def test_on_a_phone_the_button_is_there_and_the_list_fits(visit: Visit, lease: Path) -> None:
    page = visit(viewport=PHONE)
    expect(page.locator("#add-file")).to_be_in_viewport()
    upload(page, lease)
    expect(page.locator(".files li")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
