"""What travels under ``/v1``: OpenAI's chat completions, as far as a question about documents has use for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.answer import AnswerKind
from domain.protocols import KnowledgeBaseInfo
from web.api.models import CitationOut, TurnOut

_MOST_MESSAGES = 400
_LONGEST_TEXT = 100_000


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class ContentPart(_Wire):
    """A piece of a message; only text can be answered about."""

    type: str
    text: Annotated[str, Field(max_length=_LONGEST_TEXT)] = ""


Content = Annotated[str, Field(max_length=_LONGEST_TEXT)] | Annotated[list[ContentPart], Field(max_length=64)] | None


class ChatMessage(_Wire):
    """One message. Those of ``system`` and ``developer`` are not followed: what the assistant does is its operator's
    choice."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content = None

    @property
    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or [] if part.type == "text")

    @property
    def foreign(self) -> str:
        """The kind of a part that is no text, or ""."""
        parts = self.content if isinstance(self.content, list) else []
        return next((part.type for part in parts if part.type != "text"), "")


class StreamOptions(_Wire):
    """``include_usage``: a last chunk with the token counts."""

    include_usage: bool = False


class ChatRequest(_Wire):
    """``model`` is the name of a knowledge base. The last message is the question and must be the user's; those
    before it are the history. What tunes a language model (temperature, …) is taken and has no effect."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=_MOST_MESSAGES)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = 1


class Usage(_Wire):
    """Tokens as the models here count them. ``prompt_tokens`` are those of the messages, without the passages."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Grounds(_Wire):
    """Beside OpenAI's fields: what kind of answer this is, how sure, and what was searched."""

    kind: AnswerKind
    confidence: float
    query: str
    turn: TurnOut


class AssistantMessage(_Wire):
    """``content`` has ``[n]`` after each cited sentence; ``citations`` says where they point."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    citations: list[CitationOut]


class Choice(_Wire):
    """The one answer."""

    index: int = 0
    message: AssistantMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class ChatCompletion(_Wire):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    citations: list[CitationOut]
    colloquy: Grounds


class Model(_Wire):
    """A knowledge base as OpenAI lists models; ``created`` is when it was last changed."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["colloquy"] = "colloquy"

    @classmethod
    def of(cls, info: KnowledgeBaseInfo) -> Model:
        """From the domain."""
        return cls(id=info.name, created=int(info.updated_at))


class ModelList(_Wire):
    """Every knowledge base."""

    object: Literal["list"] = "list"
    data: list[Model]


def chunk(head: dict[str, Any], delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One piece of a streamed answer; ``head``: ``id``, ``created`` and ``model``."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**head, "object": "chat.completion.chunk", "choices": [choice], **more}


def paired(messages: Sequence[ChatMessage]) -> list[tuple[str, str]]:
    """Messages as (asked, replied) pairs, oldest first: several of one side in a row are one, and a question that
    nobody answered goes with the next."""
    pairs: list[tuple[str, str]] = []
    asked: list[str] = []
    for message in messages:
        if message.role == "user":
            asked.append(message.text)
        elif message.role == "assistant" and asked:
            pairs.append(("\n".join(asked), message.text))
            asked = []
        elif message.role == "assistant" and pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\n{message.text}")
    return pairs
