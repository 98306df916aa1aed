"""A conversation as a PDF, by fpdf2, with the fonts that this machine has.

The fonts every PDF reader brings along know Western European letters only. Others are looked for where systems keep
their fonts; what no font here can draw becomes ``?`` and the first page says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF

from domain.conversation import Conversation, Turn
from web.exporting import answer_text, head_line, sources_of
from web.view import View

FONT_FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
_LATIN = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf")
_HAN = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "NotoSansSC-Regular.ttf",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "msyh.ttc",
    "simsun.ttc", "PingFang.ttc", "STHeiti Light.ttc",
)  # fmt: skip
_CORE = "helvetica"  # every reader has it; Latin-1 only
_BODY, _SMALL, _LARGE = 10.5, 8.5, 16.0  # points
_ACCENT, _INK, _QUIET = (10, 104, 104), (28, 31, 33), (89, 94, 99)
_MARGIN_MM = 20

_LATIN_ONLY = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "•": "-", "€": "EUR", "›": ">"}
)


@dataclass(frozen=True, slots=True)
class Fonts:
    """Files of the fonts to draw with, the first that has a letter draws it; () leaves the readers' own."""

    files: tuple[Path, ...] = ()


def system_fonts(folders: Sequence[str] = FONT_FOLDERS) -> Fonts:
    """One font for most alphabets and one for Chinese, as far as ``folders`` hold them."""
    there = {path.name: path for folder in folders if Path(folder).is_dir() for path in Path(folder).rglob("*.[to]t*")}
    chosen = (next((there[name] for name in names if name in there), None) for names in (_LATIN, _HAN))
    return Fonts(tuple(path for path in chosen if path is not None))


def pdf_of(conversation: Conversation, view: View, fonts: Fonts) -> bytes:
    """The conversation on A4: questions, answers with their markers, and the sources they point at."""
    writing = _Writing(fonts)
    texts = view.texts
    writing.say(conversation.title or texts.actions.untitled, _LARGE, _INK)
    writing.say(head_line(conversation, view), _SMALL, _QUIET)
    if writing.lacks(_everything(conversation, view)):
        writing.say(texts.actions.no_font, _SMALL, _QUIET)
    for turn in conversation.turns:
        _write_turn(writing, turn, view)
    return writing.finished()


def _write_turn(writing: _Writing, turn: Turn, view: View) -> None:
    writing.gap(5)
    writing.say(turn.question, _BODY, _ACCENT)
    writing.gap(1)
    writing.say(answer_text(turn, view.texts), _BODY, _INK)
    writing.gap(1)
    for number, heading, quote in sources_of(turn):
        writing.say(f"[{number}] {heading}: “{quote}”", _SMALL, _QUIET)


def _everything(conversation: Conversation, view: View) -> str:
    said = (turn.question + answer_text(turn, view.texts) + str(sources_of(turn)) for turn in conversation.turns)
    return "".join([conversation.title, *said])


class _Writing:
    """Paragraphs on pages, in the fonts there are."""

    def __init__(self, fonts: Fonts) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_margin(_MARGIN_MM)
        self._pdf.set_creator("Colloquy")
        self._names = [self._added(path, number) for number, path in enumerate(fonts.files)]
        if self._names[1:]:
            self._pdf.set_fallback_fonts(self._names[1:])
        self._pdf.add_page()

    def _added(self, path: Path, number: int) -> str:
        self._pdf.add_font(f"font{number}", fname=path)
        return f"font{number}"

    def lacks(self, text: str) -> bool:
        """Whether some letter of ``text`` cannot be drawn."""
        return any(not self._draws(letter) for letter in set(text) if letter.isprintable())

    def _draws(self, letter: str) -> bool:
        if not self._names:
            return ord(letter) in _LATIN_ONLY or ord(letter) < 256
        return any(ord(letter) in self._pdf.fonts[name].cmap for name in self._names)

    def say(self, text: str, points: float, colour: tuple[int, int, int]) -> None:
        """One paragraph over the whole width."""
        self._pdf.set_font(self._names[0] if self._names else _CORE, size=points)
        self._pdf.set_text_color(*colour)
        shown = "".join(letter if letter == "\n" or self._draws(letter) else "?" for letter in text)
        if not self._names:
            shown = shown.translate(_LATIN_ONLY).encode("latin-1", "replace").decode("latin-1")
        self._pdf.multi_cell(0, points * 0.5, shown, new_x="LMARGIN", new_y="NEXT", align="L")

    def gap(self, millimetres: float) -> None:
        """Room below what was said."""
        self._pdf.ln(millimetres)

    def finished(self) -> bytes:
        """The file."""
        return bytes(self._pdf.output())
