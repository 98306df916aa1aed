"""Getting bytes and text out of a file, with one clear sentence when that fails."""

from __future__ import annotations

import codecs
import stat
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from domain.errors import DocumentRejected

MAX_FILE_BYTES = 50 * 1024 * 1024
"""The largest file that is read whole. A handbook is far below; an accident (a video, a dump) is far above."""

_SAMPLE_BYTES = 256 * 1024
_NEARLY = 0.1
"""Short texts of one Western language differ by less than this between the code pages of Europe."""
_BOMS = (  # the longer first: UTF-32's mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Formats whose first bytes are unmistakable, so that a file with the wrong suffix gets a helpful answer.
_SIGNATURES = {b"%PDF-": "a PDF", b"PK\x03\x04": "a Word document or a ZIP archive", b"\x1f\x8b": "a gzip archive"}
_CONTROLS = frozenset(range(32)) - {9, 10, 12, 13}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document comes from: the file, its path inside the ingested folder (posix form, the default
    document id), and ``source``, that path with the folder's name in front, as a person would recognise it."""

    path: Path
    relative: str
    source: str

    @staticmethod
    def of(path: Path, root: Path) -> Origin:
        """``path`` seen from ``root``; a file that is itself the root is seen from its folder."""
        folder = root if root.is_dir() else root.parent
        relative = path.relative_to(folder).as_posix()
        name = folder.resolve().name
        return Origin(path, relative, f"{name}/{relative}" if name else relative)


def check_regular(origin: Origin) -> int:
    """The size in bytes of a plain, non-empty file; anything else is rejected before it is opened."""
    try:
        status = origin.path.stat()
    except OSError as error:
        raise cannot_open(origin.source, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise DocumentRejected(f"“{origin.source}” is not a regular file; remove it from the folder.")
    if status.st_size == 0:
        raise DocumentRejected(f"“{origin.source}” is empty; add text to it or remove it.")
    return status.st_size


def read_bytes(origin: Origin, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """All bytes of the file; rejected above ``max_bytes``."""
    size = check_regular(origin)
    if size > max_bytes:
        raise DocumentRejected(
            f"“{origin.source}” has {size / 2**20:.0f} MiB, more than the {max_bytes / 2**20:.0f} MiB a document may "
            "have; split it into smaller files."
        )
    try:
        return origin.path.read_bytes()
    except OSError as error:
        raise cannot_open(origin.source, error) from error


def read_text(origin: Origin) -> str:
    """The file as text with ``\\n`` line ends, in whatever encoding it was written."""
    return decode(read_bytes(origin), origin.source)


def decode(data: bytes, source: str, declared: str | None = None) -> str:
    """``data`` as text. ``declared`` is an encoding the file itself names; it is tried first."""
    encoding = detect_encoding(data, source, declared)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise undecodable(source) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\f", "\n\n").replace("\0", "")


def detect_encoding(data: bytes, source: str, declared: str | None = None) -> str:
    """The encoding of ``data``: byte order mark, the declared one, UTF-8, then the most likely other one."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    kind = next((name for magic, name in _SIGNATURES.items() if data.startswith(magic)), None)
    if kind or b"\0" in data:
        raise DocumentRejected(
            f"“{source}” is {kind or 'binary data'}, not text; give it the suffix of its real format or save it as "
            "UTF-8 text."
        )
    for encoding in filter(None, (declared, "utf-8")):
        if _decodes(data, encoding):
            return encoding
    # In UTF-8 stray control characters are a blemish; in bytes of unknown encoding they mean it is not text at all.
    guess = None if _CONTROLS & set(data) else _most_likely(data[:_SAMPLE_BYTES])
    if guess is None:
        raise undecodable(source)
    return guess


def _most_likely(data: bytes) -> str | None:
    """The best guess, and Windows-1252 among guesses that are nearly as good: it is by far the most common."""
    matches = charset_normalizer.from_bytes(data)
    best = matches.best()
    if best is None:
        return None
    near = {match.encoding for match in matches if match.chaos <= best.chaos + _NEARLY}
    return "cp1252" if "cp1252" in near else best.encoding


def stream_encoding(origin: Origin, sample: bytes) -> str:
    """The encoding of a file too large to be held, judged by its beginning (cut back to whole lines)."""
    whole = sample[: sample.rfind(b"\n") + 1] or sample
    return "utf-8-sig" if _decodes(whole, "utf-8") else detect_encoding(whole, origin.source)


def undecodable(source: str) -> DocumentRejected:
    return DocumentRejected(f"“{source}” is in no known text encoding; save it as UTF-8.")


def cannot_open(source: str, error: OSError) -> DocumentRejected:
    """The rejection that says in words why the system would not open ``source``."""
    reason = (error.strerror or str(error)).lower()
    return DocumentRejected(f"“{source}” cannot be opened ({reason}); check that it exists and may be read.")


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True
