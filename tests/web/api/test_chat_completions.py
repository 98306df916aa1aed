"""OpenAI's own client against the application on a real socket, sync and async, streaming and not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.web.api.served import Served
from web.api.openai_models import ChatMessage, paired

MOVING = "What if I move, is half price due?"
ANSWER = (
    "Tell us at least 14 days before you move [1]. You keep your contract if the new address is covered [1]. "
    "If it is not covered, you pay the remaining months at half price [1]."
)


@pytest.fixture(scope="module")
def openai_client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_a_completion_is_the_answer_with_its_markers_and_citations(openai_client: openai.OpenAI) -> None:
    done = openai_client.chat.completions.create(
        model="harbourline", messages=[{"role": "user", "content": MOVING}], temperature=0.2
    )
    choice = done.choices[0]
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", ANSWER, "stop")
    assert done.object == "chat.completion"
    assert done.model == "harbourline"
    assert done.id.startswith("chatcmpl-")
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (8, 32, 40)
    assert done.model_extra is not None
    assert [cited["marker"] for cited in done.model_extra["citations"]] == [1, 1, 1]
    assert done.model_extra["citations"][0]["quote"] == "Tell us at least 14 days before you move."
    assert done.model_extra["colloquy"]["kind"] == "generated"
    assert done.model_extra["colloquy"]["confidence"] == 0.86


def test_a_stream_adds_up_to_the_same_text_and_ends_with_citations_and_usage(openai_client: openai.OpenAI) -> None:
    chunks = list(
        openai_client.chat.completions.create(
            model="harbourline",
            messages=[{"role": "user", "content": MOVING}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    *pieces, last = chunks
    assert pieces[0].choices[0].delta.role == "assistant"
    assert [piece.choices[0].delta.content for piece in pieces[1:-1]] == [
        "Tell us at least 14 days before you move [1]. ",
        "You keep your contract if the new address is covered [1]. ",
        "If it is not covered, you pay the remaining months at half price [1].",
    ]
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert pieces[-1].model_extra is not None
    assert len(pieces[-1].model_extra["citations"]) == 3
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 40
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_async_client_streams_too(served: Served) -> None:
    async def scenario() -> str:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
            stream = await client.chat.completions.create(
                model="harbourline", messages=[{"role": "user", "content": MOVING}], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(scenario()) == ANSWER


def test_the_messages_before_the_last_are_the_history_and_nothing_is_remembered(
    openai_client: openai.OpenAI, served: Served
) -> None:
    kept = len(served.assistant.kept)
    done = openai_client.chat.completions.create(
        model="harbourline",
        messages=[
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": [{"type": "text", "text": "Is half price due?"}]},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "and when I move?"},
        ],
    )
    assert done.model_extra is not None
    assert done.model_extra["colloquy"]["query"] == "and when I move? (Is half price due?)"
    assert len(served.assistant.kept) == kept


def test_models_are_the_knowledge_bases(openai_client: openai.OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["harbourline", "public-services"]
    one = openai_client.models.retrieve("public-services")
    assert (one.id, one.object, one.created, one.owned_by) == ("public-services", "model", 1_785_010_400, "colloquy")


def test_an_unknown_model_is_openais_not_found(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist") as unknown:
        openai_client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "hi"}])
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("gpt-5")


@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_taken_is_openais_bad_request(openai_client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError, match="under 4,000") as refused:
        openai_client.chat.completions.create(
            model="harbourline", messages=[{"role": "user", "content": "x" * 4001}], stream=stream
        )
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"messages": [{"role": "user", "content": "hi"}]}, "“model” cannot be taken"),
        ({"model": "harbourline", "messages": []}, "“messages” cannot be taken"),
        (
            {"model": "harbourline", "messages": [{"role": "assistant", "content": "hi"}]},
            "put the user's question last",
        ),
        (
            {"model": "harbourline", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "send text only",
        ),
        ({"model": "harbourline", "messages": [{"role": "user", "content": "hi"}], "n": 2}, "“n” cannot be taken"),
    ],
    ids=["no model", "no message", "no question", "a picture", "two answers"],
)
def test_a_request_that_makes_no_sense_is_told_so_in_openais_shape(
    client: httpx.Client, body: dict[str, object], said: str
) -> None:
    reply = client.post("/v1/chat/completions", json=body)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["param"]) == (400, "invalid_request_error", None)
    assert said in error["message"]


def test_a_part_that_is_down_is_a_server_error_that_clients_retry(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as down:
        openai_client.chat.completions.create(model="harbourline", messages=[{"role": "user", "content": "boom"}])
    assert down.value.status_code == 503
    assert down.value.response.headers["retry-after"] == "5"


def test_what_breaks_in_a_stream_reaches_the_client_as_an_error(openai_client: openai.OpenAI) -> None:
    stream = openai_client.chat.completions.create(
        model="harbourline", messages=[{"role": "user", "content": "crash"}], stream=True
    )
    with pytest.raises(openai.APIError, match="nobody planned for"):
        list(stream)


def test_closing_a_stream_stops_the_work(openai_client: openai.OpenAI, served: Served) -> None:
    stream = openai_client.chat.completions.create(
        model="harbourline", messages=[{"role": "user", "content": "slow half price"}], stream=True
    )
    next(iter(stream))
    assert served.running.working == 1
    stream.close()
    assert asyncio.run(_stopped(served))


async def _stopped(served: Served) -> bool:
    return await served.running.settled(3)


def test_a_plain_client_sees_server_sent_events(client: httpx.Client) -> None:
    body = {"model": "harbourline", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    lines = client.post("/v1/chat/completions", json=body).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert json.loads(lines[0].removeprefix("data: "))["object"] == "chat.completion.chunk"


@pytest.mark.parametrize(
    ("messages", "pairs"),
    [
        ([], []),
        ([("user", "a"), ("assistant", "b")], [("a", "b")]),
        ([("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d")], [("a\nb", "c\nd")]),
        ([("assistant", "welcome"), ("user", "a"), ("tool", "x"), ("assistant", "b"), ("user", "left")], [("a", "b")]),
    ],
    ids=["none", "one exchange", "several in a row", "greeting, tool and an open question"],
)
def test_messages_pair_up_as_asked_and_replied(messages: list[tuple[str, str]], pairs: list[tuple[str, str]]) -> None:
    assert paired([ChatMessage(role=role, content=said) for role, said in messages]) == pairs  # type: ignore[arg-type]
