"""Personal data blacked out: e-mail addresses, telephone, card and account numbers, national identity numbers.

What is found is covered by as many characters as it had, so that every span of a text (a citation, a sentence) still
points at the same place. What looks like personal data and is not stays: prices, dates, product codes, order numbers,
and the numbers and addresses that a company gives out itself. Rules with check digits, not a model: it is said in a
line what is covered and why, and nothing else ever is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from domain import identity_numbers as numbers
from domain.answer import Answer
from domain.conversation import Conversation, Turn

_COVER = "•"
_SHORTEST_SECRET = 4  # characters; covering a single letter wherever it stands would tell which it is

# Letters of other scripts stand right beside a number ("号码是138…"), so only those of ASCII make it part of a word.
_BEFORE, _AFTER = r"(?<![\w+@./-])", r"(?![\w@]|[.-]\w)"
_EMAIL = re.compile(r"(?<![\w.%+-])(?:[\w.%+-]|(?<=\w)'(?=\w)){1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}", re.ASCII)
_IBAN = re.compile(rf"{_BEFORE}[A-Z]{{2}}\d\d(?:[ -]?[A-Z0-9]){{11,30}}", re.ASCII | re.IGNORECASE)
_CARD = re.compile(rf"{_BEFORE}\d(?:[ -]?\d){{12,18}}{_AFTER}", re.ASCII)
_CHINESE = re.compile(rf"{_BEFORE}[1-8]\d{{16}}[\dX]{_AFTER}", re.ASCII | re.IGNORECASE)
_SOCIAL = re.compile(rf"{_BEFORE}\d{{3}}([ -])\d\d\1\d{{4}}{_AFTER}", re.ASCII)
_INSURANCE = re.compile(
    rf"{_BEFORE}[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]{_AFTER}", re.ASCII | re.IGNORECASE
)
_PPS = re.compile(rf"{_BEFORE}\d{{7}} ?[A-W][A-IW]?{_AFTER}", re.ASCII | re.IGNORECASE)
_PHONE = re.compile(
    rf"{_BEFORE}(?:"
    r"(?:\+|00)[1-9]\d{0,2}(?:[ .\u00a0-]?\(?\d{1,5}\)?){2,6}"  # with the code of a country
    r"|(?!\d\d?[./-]\d\d?[./-](?:19|20)\d\d)"  # but for a date …
    r"\(?0[1-9]\d{0,3}\)?(?:[ .\u00a0-]?\d{2,8}){1,4}"  # within one (UK, Ireland, Germany, China …)
    r"|\(?[2-9]\d\d\)?[ .-]\d{3}[ .-]\d{4}"  # North America
    r"|1[3-9]\d[ -]?\d{4}[ -]?\d{4}"  # a Chinese mobile
    rf"){_AFTER}",
    re.ASCII,
)
_REFERENCE = re.compile(
    r"(?:order|ticket|case|ref|reference|invoice|tracking|parcel|serial|imei|sim|contract|订单|单号|编号|工单)"
    r"(?:\W{0,3}(?:number|no|nr|id|code|is|号|是)){0,3}\W{0,4}$",
    re.IGNORECASE,
)
_LOOK_BACK = 40  # characters before a number in which a word says that it is an order's
_SERVICE = re.compile(
    r"0800\d{6,7}|0808\d{7}|03\d{9}|08[47]\d{8}|09\d{9}"  # UK: free, company-wide and premium numbers are businesses'
    r"|(?:\+?1)?8(?:00|33|44|55|66|77|88)\d{7}"  # North America, free
)


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data: what it is, and where (end exclusive)."""

    kind: str
    start: int
    end: int


def find(text: str, public: Iterable[str] = ()) -> list[Found]:
    """The personal data of ``text``, in its order; what also stands in one of the ``public`` texts is left out."""
    found: list[Found] = []
    for kind, pattern, holds in _KINDS:
        for start, end in _spans(text, pattern, holds):
            if not any(one.start < end and start < one.end for one in found):
                found.append(Found(kind, start, end))
    known = _known(public) if found else frozenset()
    return sorted((one for one in found if _plain(text[one.start : one.end]) not in known), key=lambda one: one.start)


def redact(text: str, public: Iterable[str] = ()) -> str:
    """``text`` with its personal data covered, as long as before. ``public``: texts that everybody may read, such as
    the documents; what they name stays."""
    pieces, at = list[str](), 0
    for one in find(text, public):
        pieces += [text[at : one.start], _cover(one)]
        at = one.end
    return "".join([*pieces, text[at:]])


def redacted_turn(turn: Turn) -> Turn:
    """The turn with what the person typed covered, wherever it was repeated. The passages stay: they are the team's
    own documents, and what those name is public."""
    public = [retrieved.passage.text for retrieved in turn.evidence]

    def covered(text: str) -> str:
        return redact(text, public)

    query = turn.query
    return replace(
        turn,
        question=covered(turn.question),
        query=replace(
            query,
            text=covered(query.text),
            original=covered(query.original),
            reason=covered(query.reason),
            context=tuple(map(covered, query.context)),
        ),
        answer=_redacted_answer(turn.answer, covered),
    )


def _redacted_answer(answer: Answer, covered: Callable[[str], str]) -> Answer:
    weighting = answer.weighting and replace(
        answer.weighting,
        candidates=tuple(replace(one, text=covered(one.text)) for one in answer.weighting.candidates),
        removed=tuple(replace(one, what=covered(one.what)) for one in answer.weighting.removed),
    )
    options = tuple(map(covered, answer.options))
    return replace(answer, text=covered(answer.text), options=options, weighting=weighting)


def redacted_conversation(conversation: Conversation) -> Conversation:
    """The conversation with what the person typed covered, title included."""
    turns = tuple(map(redacted_turn, conversation.turns))
    return replace(conversation, title=redact(conversation.title), turns=turns)


class RedactingFormatter(logging.Formatter):
    """A log's formatter: ``secrets`` never get through, and personal data only where ``personal`` lets it; in
    messages, arguments and tracebacks alike."""

    def __init__(self, layout: str, secrets: Sequence[str] = (), *, personal: bool = False) -> None:
        super().__init__(layout)
        self._secrets = sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._personal = personal

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text if self._personal else redact(text)


def _spans(text: str, pattern: re.Pattern[str], holds: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        start, end = match.span()
        if pattern is _IBAN:
            end = _end_of_iban(text, start, end)
        if pattern is _PHONE:
            if _REFERENCE.search(text, max(0, start - _LOOK_BACK), start):
                continue
            start, end = _without_lone_brackets(text, start, end)
        if end > start and holds(text[start:end]):
            yield start, end


def _end_of_iban(text: str, start: int, end: int) -> int:
    """The words after an account number look like more of it; only its own length is right."""
    for stop in range(end, start + 14, -1):
        whole = stop == len(text) or not text[stop].isalnum()
        if whole and text[stop - 1].isalnum() and numbers.is_iban(text[start:stop]):
            return stop
    return start


def _without_lone_brackets(text: str, start: int, end: int) -> tuple[int, int]:
    """A bracket around the number is not part of it."""
    opened, closed = text.count("(", start, end), text.count(")", start, end)
    return start + (opened > closed and text[start] == "("), end - (closed > opened and text[end - 1] == ")")


def _is_personal_phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    if _SERVICE.fullmatch(digits):
        return False
    if text.lstrip("(").startswith("+"):
        return 8 <= len(digits) <= 15
    return 9 <= len(digits) <= (15 if digits.startswith("00") else 12)


def _always(_: str) -> bool:
    return True


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("e-mail", _EMAIL, _always),
    ("iban", _IBAN, numbers.is_iban),
    ("card", _CARD, numbers.is_card),
    ("identity", _CHINESE, numbers.is_chinese_identity),
    ("identity", _SOCIAL, numbers.is_us_social_security),
    ("identity", _INSURANCE, numbers.is_uk_insurance),
    ("identity", _PPS, numbers.is_irish_pps),
    ("phone", _PHONE, _is_personal_phone),
)
"""In the order in which they are looked for: what is one is no other."""


def _cover(one: Found) -> str:
    room, label = one.end - one.start, f"[{one.kind}"
    return f"{label}{_COVER * (room - len(label) - 1)}]" if room > len(label) else _COVER * room


def _known(public: Iterable[str]) -> frozenset[str]:
    return frozenset(_plain(text[one.start : one.end]) for text in public for one in find(text))


def _plain(text: str) -> str:
    """One spelling for a number however it is grouped, and for an address however it is capitalised."""
    return text.lower() if "@" in text else re.sub(r"[^\w]", "", text).lower()
