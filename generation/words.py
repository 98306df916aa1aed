"""Words as the support check compares them: stems, without those that carry no meaning."""

from __future__ import annotations

import re
from functools import lru_cache

# A number with the letters or the sign that hang on it (8am, 10GB, 3.9%), or a word.
_WORD = re.compile(r"[£$€]?\d(?:[\d.,:/-]*\d)?(?:%|[^\W\d_]+)?|[^\W_]+(?:['’][^\W_]+)?")
_APART = re.compile(r"(?<=\d)\s+(?=(?:am|pm|[gmk]b|[gmk]bps|[gmk]hz)\b)", re.IGNORECASE)  # "8 am" is "8am"
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_STOP = frozenset(
    "a an the this that these those it its they their them he his she her we our us you your i my me of to in on at "
    "for from with by as and or but if then than so is are was were be been being am do does did have has had can "
    "could will would should may might must shall there here what which who whom whose when where why how yes also "
    "about into over under up out just only very more most some any each all both other such same own too much "
    "many".split()
)
_SUFFIXES = ("ing", "ed", "es", "s", "ly")
_SHORTEST_STEM = 3


def content_words(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order; numbers and codes as they are, without final stops."""
    return [*_content_words(text)]


@lru_cache(maxsize=1 << 14)  # the same sentences of the evidence come again and again
def _content_words(text: str) -> tuple[str, ...]:
    plain = _THOUSANDS.sub("", _APART.sub("", text))
    found = [match.group().lower() for match in _WORD.finditer(plain)]
    return tuple(stem(word) for word in found if word not in _STOP)


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A crude stem: enough to see "charge", "charges" and "charged" as one, too little to confuse different words."""
    if has_digit(word):
        return word
    word = re.sub(r"['’]s$", "", word)
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            word = word.removesuffix(suffix)
            break
    if len(word) > _SHORTEST_STEM and word.endswith(("e", word[-2])):  # charg(e), cancel(l)
        word = word[:-1]
    return f"{word[:-1]}i" if len(word) > _SHORTEST_STEM and word.endswith("y") else word  # polici(es), policy


def has_digit(word: str) -> bool:
    """True for numbers and codes."""
    return any(character.isdigit() for character in word)


_WIRELESS = re.compile(r"\bwi-fi\b", re.I)
_DENIERS = frozenset(
    "not no never none nobody nothing neither nor without cannot longer isn't aren't wasn't weren't don't doesn't "
    "didn't can't couldn't won't wouldn't shouldn't mustn't hasn't haven't hadn't needn't".split()
)
_ONE_VERB = """
pay paid payment
send sent
keep kept
buy bought
leave left
give gave given
get got gotten
take took taken
make made
begin began begun
lose lost
sell sold sale
tell told
come came
go went gone
break broke broken
choose chose chosen choice
write wrote written
spend spent
hold held
find found
bring brought
apply applies applied application
supply supplies supplied
reply replies replied
rely relies relied
use used usage
"""


def _verbs() -> dict[str, str]:
    table = {}
    for line in _ONE_VERB.strip().splitlines():
        first, *others = line.split()
        table.update({form: first for word in (first, *others) for form in (word, stem(word))})
    return table


_FORMS = _verbs()
_DEGREE = re.compile(
    r"\bhow (?:large|big|small|high|tall|deep|wide|long|far|heavy|thick|old|often|soon|quick(?:ly)?|fast|slow(?:ly)?|"
    r"late|early|expensive|cheap|hot|cold|strong|likely)\b",
    re.I,
)


def asked_words(question: str) -> frozenset[str]:
    """The meaning words of a question that its answer may be expected to repeat: not the adjective of "how large",
    which asks for a size that answers it without the word."""
    return frozenset(meaning_words(_DEGREE.sub("how", question)))


def meaning_words(text: str) -> list[str]:
    """The content words of ``text`` as a claim is compared by them: without deniers, which are judged apart, and
    with the irregular forms of a verb as one."""
    found = content_words(_WIRELESS.sub("wifi", text.replace("’", "'")))
    return [_FORMS.get(word, word) for word in found if word not in _DENIERS]
