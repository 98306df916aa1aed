"""The block of ``key: value`` lines between two ``---`` at the top of a Markdown or text file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import yaml

from domain.errors import DocumentRejected

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_KEY_LINE = re.compile(r"[\w.-]+[ \t]*:(?:\s|$)", re.MULTILINE)
_MAX_CHARACTERS = 64 * 1024
_MAX_DEPTH = 20
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


def split_front_matter(text: str, source: str) -> tuple[Mapping[str, str], str]:
    """The front matter's values, all as typed and as text, and the text after it.

    Lists become comma-separated text, nested keys ``outer.inner``; keys without a value are left out. A file
    that begins with a thematic break and no ``key:`` line has no front matter.
    """
    match = _FRONT_MATTER.match(text)
    if match is None or not _KEY_LINE.search(match.group(1)):
        return {}, text
    return _parse(match.group(1), source), text[match.end() :]


def _parse(raw: str, source: str) -> Mapping[str, str]:
    if len(raw) > _MAX_CHARACTERS:
        raise DocumentRejected(
            f"“{source}” has front matter of {len(raw)} characters; keep it below {_MAX_CHARACTERS}."
        )
    try:
        _check_shape(raw, source)
        # BaseLoader keeps every value as typed: `region: NO` stays NO, and a date stays a date's text.
        loaded = yaml.load(raw, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentRejected(
            f"“{source}” has front matter that is not valid YAML ({_place(error)}); quote values that contain a colon."
        ) from error
    if not isinstance(loaded, dict):
        raise DocumentRejected(f"“{source}” has front matter without keys; write `key: value` lines.")
    return dict(_flatten("", loaded))


def _check_shape(raw: str, source: str) -> None:
    """Aliases let a few lines stand for gigabytes, and deep nesting takes the square of its depth in time; front matter
    has no use for either. Stops reading at the first."""
    depth = 0
    for event in yaml.parse(raw, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise DocumentRejected(f"“{source}” uses YAML aliases (*name) in its front matter; write the values out.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise DocumentRejected(f"“{source}” nests its front matter deeper than {_MAX_DEPTH} levels; flatten it.")


def _flatten(prefix: str, values: Mapping[object, object]) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flatten(f"{name}.", value)
        elif isinstance(value, list):
            yield name, ", ".join(str(item) for item in value)
        elif str(value).strip() not in _NOTHING:
            yield name, str(value).strip()


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 2}" if mark is not None else "it cannot be parsed"
