"""Messages that need no documents: greetings, thanks, goodbyes, and questions about the assistant itself."""

from __future__ import annotations

import re

_REPLIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"^(?:{pattern})[\W_]*$", re.IGNORECASE), reply)  # an emoji may follow
    for pattern, reply in (
        (
            r"(?:hi|hello|hey|hiya|(?:good )?(?:morning|afternoon|evening)|greetings)(?: there| all| everyone| again)?",
            "Hello! Ask me anything about {subject}, and I will show you where the answer stands.",
        ),
        (
            r"(?:(?:ok(?:ay)?|great|perfect|brilliant|cool|lovely|no)[\s,.!-]*)*"
            r"(?:many )?(?:thanks?|thank you|cheers|ta|thx)(?: you)?(?: so much| very much| a lot| a million)?"
            r"(?:[\s,.!-]*(?:bye|goodbye|that(?:'s| is) (?:all|it|everything)|for (?:your|the) help|that helps?"
            r"|that(?:'s| is| was) (?:great|helpful|perfect)))*",
            "You're welcome. Is there anything else you would like to know?",
        ),
        (
            r"(?:good)?bye(?: bye| now)?|see you(?: later)?|have a (?:good|nice|great) (?:day|evening|one)",
            "Goodbye, and thank you for asking.",
        ),
        (
            r"(?:ok(?:ay)?|great|perfect|brilliant|cool|lovely|got it|i see|nice|good|understood|alright|right)"
            r"(?:[\s,.!-]*(?:ok(?:ay)?|great|perfect|cool|got it|i see))*",
            "Good. What else would you like to know?",
        ),
        (
            r"(?:(?:hi|hello|hey)(?: there)?[\s,.!-]*)?(?:(?:who|what) are you|what can you (?:do|help(?: me)? with)"
            r"|(?:are you|is this|am i talking to)(?: an?)?\s?(?:(?:real|chat)\s?)?"
            r"(?:bot|robot|ai|human|real|person|machine)"
            r"(?: or(?: an?)?(?: real)? (?:bot|robot|ai|human|person|machine))?|how are you(?: today| doing)?"
            r"|help(?: me)?(?: please)?|(?:can|could) you (?:please )?help(?: me)?(?: please)?)",
            "I am an assistant that answers from {subject}. Ask in your own words; under each answer you see the "
            "passages it comes from and how sure I am.",
        ),
    )
)

_THANKS = re.compile(r"\b(?:thanks|thank you(?! \w+$)|cheers|ta|thx)\b", re.IGNORECASE)
# What makes a message with thanks in it one to look up all the same: it asks, or tells of its own affairs.
_ASKS = re.compile(
    r"[?\d]|\b(?:how|what|when|where|who|why|which|can|could|do|does|is|are|will|would|should|please|my|i|im|need|want"
    r"|but|if|and|still|tell|show)\b",
    re.IGNORECASE,
)
_MOST_WORDS_OF_THANKS = 14
_CHATTER = frozenset(
    "ok okay right fair enough grand great lol haha ha hmm no worries bother problem talk soon good one sound alright "
    "cool nice lovely perfect ah oh well then so brilliant super bye ages ago".split()
)


def small_talk_reply(message: str, subject: str) -> str | None:
    """The reply to a greeting, thanks or a question about the assistant; None when it needs the documents.

    ``subject`` names the knowledge base in the reply: "the Harbourline handbook".
    """
    for pattern, reply in _REPLIES:
        if pattern.match(message.strip()):
            return reply.format(subject=subject)
    words = re.findall(r"[^\W\d_]+", message.lower())
    if _THANKS.search(message) and not _ASKS.search(message) and len(words) <= _MOST_WORDS_OF_THANKS:
        return "You're welcome. Is there anything else you would like to know?"
    if len(words) > 1 and _CHATTER.issuperset(words) and "?" not in message:
        return "Good. What else would you like to know?"
    return None
