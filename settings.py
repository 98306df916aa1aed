"""Every knob of Colloquy, once: its default here, the reason beside it in ``settings.toml``.

Values come, strongest first, from ``COLLOQUY_…`` environment variables (groups with two underscores:
``COLLOQUY_RETRIEVAL__TOP_K``), from the TOML file that ``COLLOQUY_SETTINGS`` names, or else ``settings.toml`` in the
current folder, and from the defaults. Whatever is unknown or out of range stops the start with one sentence.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from domain.errors import Misconfigured
from domain.filters import ANY_DAY, parse_filter

PREFIX = "COLLOQUY_"
FILE_VARIABLE = "COLLOQUY_SETTINGS"
DEFAULT_FILE = Path("settings.toml")

_HOST = re.compile(r"[A-Za-z0-9:]([A-Za-z0-9.:_%-]*[A-Za-z0-9:])?")
_ORIGIN = re.compile(
    r"http(?!s?://.*:(?:80|443)$)s?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?"
)
_INDEX = re.compile(r"[a-z0-9-]+(:[a-z_]+=\d+(,[a-z_]+=\d+)*)?")
_PASSWORD = re.compile(r"(?<=:)[^:@/]*(?=@)")
_SECRET = re.compile(r"secret|secrt|token|passw|key", re.IGNORECASE)  # in a setting's name, spelt right or not

ModelName = Annotated[str, Field(min_length=1)]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
FusionName = Literal["concat", "fid", "rag-sequence", "rag-token"]
Share = Annotated[float, Field(ge=0, le=1)]
_MANY_SERVERS = re.compile(
    r"rediss?\+(?:sentinel://(?:[^@/]*@)?[^/@,?]+(?:,[^/@,?]+)*/[^/?]+|cluster://(?:[^@/]*@)?[^/@,?]+(?:,[^/@,?]+)*/?)"
    r"(?:\?.*)?"
)
"""Sentinels and the service they watch over, or nodes of a Cluster; memory/redis_addresses.py reads them."""

Count = Annotated[int, Field(ge=1)]


def _host(value: object) -> object:
    if isinstance(value, str) and not _HOST.fullmatch(value):
        raise ValueError("give a host name or an address such as 127.0.0.1, without http:// and port")
    return value


def _redis_url(value: object) -> object:
    if not isinstance(value, str) or _MANY_SERVERS.fullmatch(value):
        return value
    try:
        parts = urlsplit(value)
        complete = bool(parts.hostname) and (parts.port or True)
    except ValueError as error:
        raise ValueError(f"{error}; write redis://host:6379/0") from error
    if not (parts.scheme in ("redis", "rediss") and complete) and not (parts.scheme == "unix" and parts.path):
        raise ValueError(
            "write redis://host:6379/0, rediss://host:6379/0, unix:///path/to/socket, "
            "redis+sentinel://host:26379,host:26379/service or redis+cluster://host:6379,host:6379, or leave it out"
        )
    return value


def _index(value: object) -> object:
    if isinstance(value, str) and not _INDEX.fullmatch(value):
        raise ValueError("write auto, or a family and its numbers such as hnsw or ivf-pq:lists=4096,effort=32")
    return value


def _milvus(value: object) -> object:
    if isinstance(value, str) and not value.endswith(".db") and urlsplit(value).scheme not in ("http", "https"):
        raise ValueError("write http://host:19530, https://… or the path of a file that ends in .db, or leave it out")
    return value


def _web_address(value: object) -> object:
    if isinstance(value, str) and not (urlsplit(value).scheme in ("http", "https") and urlsplit(value).hostname):
        raise ValueError("write http://host/path or https://host/path, or leave it out")
    return value


def _origin(value: object) -> object:
    if isinstance(value, str) and not _ORIGIN.fullmatch(value):  # browsers send small letters, and no usual port
        raise ValueError("write https://shop.example: one site in small letters, no path, no slash at its end, no :443")
    return value


def _conditions(value: object) -> object:
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        _refused_as_value(value, ANY_DAY)
    return value


def _day(value: object) -> object:
    day = value.isoformat() if isinstance(value, date) else value
    if isinstance(day, str):
        _refused_as_value((), day)
    return day


def _refused_as_value(conditions: Iterable[str], valid_on: str) -> None:
    try:
        parse_filter(conditions, valid_on)
    except Misconfigured as error:
        raise ValueError(str(error).rstrip(".")) from error


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class MemorySettings(_Group):
    """How long and how much of a conversation is kept."""

    ttl_seconds: Count = 30 * 24 * 3600
    max_turns: Count = 200
    max_bytes: Annotated[int, Field(ge=64 * 1024)] = 4 * 1024 * 1024
    log_turns: Count = 10_000
    journal_turns: Count = 1000
    journal_bytes: Annotated[int, Field(ge=64 * 1024)] = 16 * 1024 * 1024


class WindowSettings(_Group):
    """How much of a conversation the models see."""

    max_turns: Count = 6
    max_tokens: Count = 600


class RetrievalSettings(_Group):
    """How passages are found and ordered."""

    top_k: Annotated[int, Field(ge=1, le=100)] = 5
    pool: Annotated[int, Field(ge=1, le=1000)] = 50
    candidates: Annotated[int, Field(ge=1, le=200)] = 20
    threshold: Share = 0.05
    fusion: Literal["rrf", "learned"] = "learned"
    context_weight: Annotated[float, Field(ge=0, le=4)] = 1.0
    fusion_share: Share = 0.3
    reader_context: Annotated[int, Field(ge=0, le=20)] = 1
    index: Annotated[str, BeforeValidator(_index)] = "auto"
    metric: Literal["dot", "cosine", "l2"] = "dot"
    only: Annotated[tuple[str, ...], BeforeValidator(_conditions)] = ()
    valid_on: Annotated[str, BeforeValidator(_day)] = ANY_DAY
    milvus_uri: Annotated[str | None, BeforeValidator(_milvus)] = None


class GenerationSettings(_Group):
    """How answers are written."""

    profile: Literal["embedded", "hub"] = "embedded"
    beams: Annotated[int, Field(ge=1, le=16)] = 4
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 64
    passages: Annotated[int, Field(ge=1, le=20)] = 3
    modes: Annotated[tuple[FusionName, ...], Field(min_length=1)] = ("fid",)


class WeightingSettings(_Group):
    """How retrieval is weighed against generation, and when to say "I do not know"."""

    mode: Literal["adaptive", "fixed"] = "adaptive"
    retrieval_weight: Share = 0.5
    abstain_below: Share = 0.45
    target_precision: Annotated[float | None, Field(gt=0, lt=1)] = None


class FewShot(_Group):
    """One example that an instruction-tuned model is shown before the question."""

    context: str
    question: str
    answer: str


class HubSettings(_Group):
    """Models named in the place of those that ship (docs/hub.md)."""

    answerer: ModelName | None = None
    answerer_revision: Commit | None = None
    rewriter: ModelName | None = None
    rewriter_revision: Commit | None = None
    encoder: ModelName | None = None
    encoder_revision: Commit | None = None
    question_encoder: ModelName | None = None
    question_encoder_revision: Commit | None = None
    context_encoder: ModelName | None = None
    context_encoder_revision: Commit | None = None
    reranker: ModelName | None = None
    reranker_revision: Commit | None = None
    runtime: Literal["auto", "pytorch", "ctranslate2"] = "auto"
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] = "cpu"
    compute_type: Literal["int8", "int8_float16", "float16", "float32"] = "int8"
    precision: Literal["float32", "bfloat16"] = "float32"
    modes: Annotated[tuple[FusionName, ...], Field(min_length=1)] = ("concat",)
    window: Annotated[int, Field(ge=32, le=16384)] = 512
    instruction: str = ""
    examples: tuple[FewShot, ...] = ()
    separator: str = " ||| "

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.question_encoder is None) != (self.context_encoder is None):
            raise ValueError("a DPR pair has two halves; name question_encoder and context_encoder, or neither")
        if self.encoder and self.question_encoder:
            raise ValueError("name either encoder or the two halves of a DPR pair")
        return self


class PolicySettings(_Group):
    """When a question is asked back."""

    ask_back: bool = True
    nearly_as_likely: Share = 0.5
    worth_asking: Share = 0.4
    sure_enough: Share = 0.7


class HandOffSettings(_Group):
    """Questions that go to a person."""

    capacity: Count = 1000
    webhook_url: Annotated[str | None, BeforeValidator(_web_address)] = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    retries: Annotated[int, Field(ge=0, le=20)] = 4


class AccountsSettings(_Group):
    """Who may come in, and how often."""

    enabled: Literal["auto", "on", "off"] = "auto"
    session_seconds: Annotated[int, Field(ge=60)] = 12 * 3600
    turns_per_minute: Annotated[int, Field(ge=0)] = 30
    log_ins_per_five_minutes: Count = 10
    uploads_per_hour: Annotated[int, Field(ge=0)] = 60
    hosts: tuple[Annotated[str, BeforeValidator(_host)], ...] = ()


class SafetySettings(_Group):
    """How much may be sent, and where personal data is blacked out."""

    max_body_bytes: Annotated[int, Field(ge=64 * 1024)] = 1024 * 1024
    max_upload_bytes: Annotated[int, Field(ge=64 * 1024)] = 50 * 1024 * 1024
    own_files: Count = 100
    redact_logs: bool = True
    redact_operator: bool = True


class WebSettings(_Group):
    """How much the server takes on at once, and which sites may carry its chat widget."""

    turn_limit: Count = 16
    queue_limit: Annotated[int, Field(ge=0)] = 256
    shutdown_seconds: Annotated[float, Field(ge=0, le=600)] = 20.0
    widget_origins: tuple[Annotated[str, BeforeValidator(_origin)], ...] = ()


class Settings(BaseSettings):
    """All settings, frozen. Make one with ``load_settings``, which words the errors for people."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # COLLOQUY_REDIS_URL= means "not set"
        validate_default=True,
    )

    data_dir: Path = Path("data")
    redis_url: Annotated[str | None, BeforeValidator(_redis_url)] = None
    milvus_token: SecretStr | None = None
    hand_off_secret: SecretStr | None = None
    host: Annotated[str, BeforeValidator(_host)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 7860
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    knowledge_base: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "harbourline"
    memory: MemorySettings = MemorySettings()
    window: WindowSettings = WindowSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    generation: GenerationSettings = GenerationSettings()
    weighting: WeightingSettings = WeightingSettings()
    policy: PolicySettings = PolicySettings()
    hand_off: HandOffSettings = HandOffSettings()
    hub: HubSettings = HubSettings()
    accounts: AccountsSettings = AccountsSettings()
    safety: SafetySettings = SafetySettings()
    web: WebSettings = WebSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, settings file; no ``.env``, no secrets folder."""
        file = _chosen_file()
        return init_settings, env_settings, InitSettingsSource(settings_cls, _read(file) if file else {})


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. ``overrides`` (a command's options) win over everything; None is ignored.

    Raises ``Misconfigured`` naming the key, its value and the remedy.
    """
    file = _chosen_file()
    _refuse_unknown_variables()
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise Misconfigured(_sentence(error.errors()[0], file, given)) from error
    except SettingsError as error:
        raise Misconfigured(
            f"A COLLOQUY_ environment variable cannot be read ({error}); a group is set one value at a time, as in "
            "COLLOQUY_RETRIEVAL__TOP_K=5."
        ) from error


def _chosen_file() -> Path | None:
    named = os.environ.get(FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise Misconfigured(f"{FILE_VARIABLE} names “{named}”, which is no file; correct the path or unset it.")
    return Path(named) if named else DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The settings file “{file}” is not TOML ({error}); mend that line.") from error
    except OSError as error:
        raise Misconfigured(
            f"The settings file “{file}” cannot be read ({error.strerror}); make it readable."
        ) from error


def _refuse_unknown_variables() -> None:
    known = {FILE_VARIABLE, *(variable for variable, _ in knobs())}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), sorted(known), n=1)
            remedy = f"did you mean {near[0]}?" if near else "settings.toml lists those that are; unset it."
            value = "***" if _SECRET.search(name) else _PASSWORD.sub("***", repr(os.environ[name]))
            raise Misconfigured(f"The environment variable {name}={value} is no setting; {remedy}")


def knobs() -> Iterator[tuple[str, str]]:
    """Every setting as (environment variable, dotted key)."""
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, _Group):
            yield from ((f"{PREFIX}{name}__{key}".upper(), f"{name}.{key}") for key in kind.model_fields)
        else:
            yield f"{PREFIX}{name}".upper(), name


def _sentence(error: ErrorDetails, file: Path | None, options: Mapping[str, object]) -> str:
    """One sentence for the first thing that is wrong: where, the value, what is wanted."""
    key = ".".join(str(part) for part in error["loc"])
    place = _place(key, file, options)
    if error["type"] == "extra_forbidden":
        names = [dotted for _, dotted in knobs()]
        near = difflib.get_close_matches(key, names, n=1)
        remedy = f"did you mean {near[0]}?" if near else "remove it; settings.toml lists those that are."
        return f"“{key}” in {place} is no setting; {remedy}"
    wanted = error["msg"].removeprefix("Value error, ")
    value = "***" if _SECRET.search(key) else _PASSWORD.sub("***", repr(error["input"])[:200])
    return f"The setting {key} is {value}: {wanted[0].lower()}{wanted[1:]}. Correct it in {place}."


def _place(key: str, file: Path | None, options: Mapping[str, object]) -> str:
    variable = f"{PREFIX}{key.replace('.', '__')}".upper()
    if key in options:
        return f"the option --{key.replace('_', '-')}"
    if variable in map(str.upper, os.environ) or file is None:
        return f"the environment variable {variable}"
    return f"“{file}”"
