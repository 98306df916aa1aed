"""Messages that must not be answered from the documents: danger, harm, orders to the assistant, foreign topics.

They are told from the words of the message alone, before anything is searched, by patterns that ask for a first
person, a present danger or an order. A handbook speaks of fraud, locks and emergencies too, and questions about
those are questions like any other: "my account was hacked" is one, "how do I hack an account" is not. Precision
comes first: what these patterns miss still has to pass the threshold on confidence.
"""

from __future__ import annotations

import re
from collections.abc import Set

from domain.answer import Answer, AnswerKind, Reason

_PEOPLE = r"(?:wife|husband|partner|girl ?friend|boy ?friend|ex|neighbour|neighbor|flatmate|colleague|boss)"
_VICTIM = r"(?:me|us|her|him)"
_SELF = r"(?:i|i'?m|im|i'?ve|ive|i'?d|id|i'?ll|me)"

_EMERGENCY = (
    r"\b(?:kill|hurt|harm|cutt?|hang|drown|shoot)(?:ing)? myself\b",
    r"\b(?:end|take|ending|taking) my (?:own )?life\b",
    rf"\b{_SELF}\b.{{0,20}}\b(?:want|wish|going|ready|rather|like) (?:to )?(?:die|be dead|end it all|not exist)\b",
    r"\b(?:do ?n.?t|not) want to (?:be alive|live|be here|wake up)\b(?! in| with| at| near)",
    rf"\b{_SELF}\b.{{0,12}}\bsuicid",
    r"\bno (?:reason|point) (?:to|in) (?:live|living)\b",
    rf"\b{_SELF}\b.{{0,10}}\b(?:took|taken|swallowed)\b.{{0,20}}\b(?:tablets|pills|bleach|overdose|paracetamol)\b",
    r"\b(?:baby|child|toddler|kid|son|daughter|he|she|i) (?:just |has |have )*swallowed (?:a|an|some|the) \w+",
    rf"\b(?:is|are|was|keeps?|just) (?:hitting|beating|strangling|stabbing|attacking|hurting|threatening) {_VICTIM}\b",
    rf"\b(?:says?|said|threat\w+|trying)\b.{{0,20}}\b(?:kill|stab|shoot) {_VICTIM}\b",  # not "my wife will kill me"
    r"\b(?:is|are|'s|s) (?:breaking|broken|trying to break) into (?:my|our|the) (?:house|home|flat)\b",
    r"\b(?:not|isn.?t|stopped|aren.?t) breathing\b|\b(?:is|'s|lying) unconscious\b",
    r"\bhaving a (?:heart attack|stroke)\b|\b(?:in danger|not safe at home|scared for my life) (?:right )?now\b",
    r"\b(?:house|home|flat|kitchen|building|room)\b.{0,15}\bis on fire\b|\b(?:smoke|flames)\b.{0,60}\binside\b",
    r"\bsmell (?:of )?gas\b|\bgas leak\b",
    r"\b(?:call|send|need) (?:me )?(?:an |the )?(?:ambulance|police|fire brigade)(?: (?:now|please|right now))?\W*$",
)

_HARM = (
    r"(?:hack|crack|phish|ddos|spoof|forge|counterfeit|launder|stalk|dox|blackmail|break into"
    r"|clone (?:someone|somebody|another|her|his|their)|(?:tap|bug) (?:someone|somebody|another|her|his|their))\b"
)
_UNSAFE = (
    rf"\bhow (?:do|can|could|would|should|might) (?:i|you|we|u)(?: \w+ly)?(?: just)? {_HARM}",
    rf"\b(?:how to|teach me to|show me how to|tell me how to|help me(?: to)?|(?:want|need|like|trying) to) {_HARM}",
    r"\b(?:make|build|buy|get) (?:a |an |some )?(?:\w+ )?(?:bomb|explosives?|gun|cocaine|heroin|meth|ketamine|mdma)\b",
    r"\b(?:write|make|draft|create)\b.{0,20}\b(?:phishing|scam|malware|virus|ransomware)\b",
    r"\bwith a (?:fake|false|forged|stolen) (?:id|identity|passport|name|card)\b|\bfake (?:id|passport)\b",
    r"\b(?:remove|clear|bypass|get round|change)\b.{0,25}\b(?:imei|block|lock)\b.{0,25}\ba stolen\b",
    rf"\b(?:read|see|track|locate|follow|listen|spy|record|check|show|find)\b.{{0,40}}\b{_PEOPLE}(?:'?s|s')?\b.{{0,60}}"
    r"\b(?:secretly|without (?:her|him|them|his|their)\b.{0,12}\bknow\w*|behind (?:her|his|their) back)",
    rf"\b(?:which|what|who|whose)\b.{{0,25}}\b(?:has|is|did|does) my {_PEOPLE}\b.{{0,15}}\b(?:call|text|ring|messag)",
    rf"\b(?:ex|neighbou?r)(?:'?s)?(?: {_PEOPLE}(?:'?s)?)?(?: \w+)? (?:password|pin|messages|voicemails?)\b",
    r"\b(?:give|tell|show|send|find|read|what(?:'s| is))\b.{0,15}"
    r"\b(?:address|name|number|details|password|bill|calls|data)"
    r" of (?:the|another|a|any|some|that) (?:other )?(?:customer|user|subscriber)\b",
    r"^\W*(?:please )?(?:list|show|give|name|tell)(?: me)? (?:all|every|other)(?: the| your| of the)? customers?\b",
    r"\b(?:show|give|read|tell|send) me\b.{0,30}\b(?:bills?|address|number|details|calls|password)"
    r" of (?-i:[A-Z]\w+ [A-Z]\w+)",
)

_RULES = (
    r"(?:instructions?|rules|guidelines|prompts?|programming|training|directions|constraints|restrictions"
    r"|polic(?:y|ies))"
)
_INJECTION = (
    r"\b(?:ignore|disregard|forget|override|bypass|drop)\b.{0,30}"
    rf"\b(?:your|previous|prior|above|all|earlier|these|any)\b.{{0,20}}\b{_RULES}\b",
    r"\bforget (?:everything|all)\b.{0,25}\b(?:told|said|above|before|know|learnt|learned)\b",
    r"\b(?:system|initial|hidden|developer) ?prompts?\b|\bhidden (?:prompt|instructions)\b",
    rf"\b(?:what (?:are|were)|show|print|reveal|repeat|tell|give|output|leak)\b.{{0,20}}\byour (?:\w+ )?{_RULES}\b"
    r"(?! (?:on|for|about|regarding))",
    r"\brepeat\b.{0,20}\b(?:text|words|everything|lines?) above\b",
    r"\byou are now (?:an? |in |called |free|my |unfiltered|(?-i:DAN)\b)|\b(?-i:DAN) (?:mode|and)\b",
    r"\bfrom (?:now|here) on,? (?:you (?:are|will|must|only|answer|reply|respond|act)|reply|answer|say|respond)\b",
    r"\b(?:enable|enter|activate|switch to) (?:developer|debug|god|admin|jailbreak) mode\b(?! (?:on|in|for)\b)",
    r"(?:^|[.!?,;:] *|\bplease |\bnow |\bjust |\blet's )pretend (?:that )?(?:you|to be|you'?re)\b|\brole ?-?play\b",
    r"\bact as (?:if you|an? (?:ai|bot|unfiltered|evil|hacker))\b|\bunfiltered (?:bot|ai|assistant|mode)\b",
    r"\b(?:ai|bot|assistant|model|chatbot)\b.{0,20}\bwithout (?:any )?(?:restrictions|filters?|rules|limits)\b",
    r"</?(?:context|system|user|assistant|instructions?|document|prompt)>|^\s*(?:system|assistant|developer) ?:",
    r"\bnew instructions?:|\b(?:print|dump|show|reveal|read)\b.{0,25}"
    r"\b(?:environment variables?|api keys?|redis password|secret keys?|source code)\b",
)

_MATHS = r"(?:times|plus|minus|divided by|multiplied by|[+*/x×÷-])"
_FOREIGN = (
    r"\b(?:how|what)(?:'?s| is| will)? (?:the )?weather\b|\bweather (?:forecast|today|tomorrow|like)\b",
    r"\bwill it (?:rain|snow|be sunny)\b|\bpollen count\b|\b(?:sunset|sunrise)\b|\bclocks go (?:back|forward)\b",
    rf"^(?:what(?:'?s| is)|calculate|work out|how much is)?\s*[\d.,]+\s*{_MATHS}\s*[\d.,]+\W*$",
    r"^(?:what(?:'?s| is)|calculate|work out)?\s*\d+\s*(?:per ?cent|%) of \d+\W*$|\bsolve\b.{0,40}(?:=|\bequals\b)",
    r"\b(?:square root|area of a|circumference|what number comes next)\b",
    r"\b(?:write|compose|tell|give|sing|read|make up)\b(?: me)?(?: a| an| another| some| the)?(?: \w+)?"
    r" (?:poem|limerick|haiku|joke|story|essay|song|rap|sonnet|riddle|novel|speech|cover letter|screenplay)\b",
    r"\bdraw me (?:a|an)\b",
    r"\b(?:write|create)\b.{0,25}\b(?:python|java ?script|java|c\+\+|sql|html|function|script|regex)\b",
    r"\brecipe\b|\bhow (?:do|to|long|should)\b.{0,12}\b(?:bake|cook|boil|roast|fry|grill|poach)\b",
    r"\bcapital (?:city )?of\b|\btranslate\b.{0,60}\b(?:in|into|to) \w+|\bhow do you say\b.{0,25}\bin \w+",
    r"\b(?:vote for|general election|next election|prime minister|president of|brexit)\b",
    r"\bwho (?:won|painted|invented|sings|sang|discovered|composed)\b|\bworld cup\b|\bfootball (?:match|score)",
    r"\boffside rule\b|\bhoroscope\b|\bstar sign\b|\bcrossword\b|\b(?:what|happened)\b.{0,20}\bin the news\b",
    r"\bexchange rate of\b|\bstocks? should\b|\b(?:symptoms of|side effects|ibuprofen|medicine should|vitamin [a-k])\b",
    r"\bhow (?:tall|high|deep|old) is (?:the )?(?:(?-i:[A-Z]\w+ [A-Z]\w+)|universe|moon|sun)\b",
    r"\bbook (?:me )?a (?:table|flight|hotel|taxi)\b|\bis the m\d+ (?:closed|busy)\b|\btrain strike\b",
)

_ABOUT_CALLERS = re.compile(r"\b(?:customers?|callers?|agents?|colleague)\b", re.IGNORECASE)
"""An agent who asks how to help somebody in danger needs the handbook, and a person in danger says "I"."""

_CLASSES: tuple[tuple[Reason, re.Pattern[str]], ...] = tuple(
    (reason, re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE))
    for reason, patterns in (
        (Reason.EMERGENCY, _EMERGENCY),
        (Reason.UNSAFE, _UNSAFE),
        (Reason.INJECTION, _INJECTION),
        (Reason.FOREIGN, _FOREIGN),
    )
)

_REPLIES = {
    Reason.EMERGENCY: "I am sorry that this is happening. If you or somebody near you is in danger, please call the "
    "emergency number of your country now. If you are thinking of harming yourself, you do not have to be alone with "
    "it: a crisis line, a doctor or somebody you trust will listen, at any hour. I am a program and cannot give the "
    "help you deserve.",
    Reason.UNSAFE: "I cannot help with that. I answer questions about {subject}, and none about another person's data.",
    Reason.INJECTION: "I take what is typed here as a question and not as an order about how I work. Ask me anything "
    "about {subject}.",
    Reason.FOREIGN: "That is outside what I know: this assistant answers about {subject}.",
}


def concern(message: str, subject_words: Set[str] = frozenset()) -> Reason:
    """Why ``message`` must not be looked up, or ``Reason.NONE``.

    ``subject_words``: words, in small letters, that belong to the documents; a message with one of them is never
    taken for a foreign topic.
    """
    text = message.replace("’", "'")
    for reason, pattern in _CLASSES:
        if pattern.search(text) and not _is_excused(reason, text, subject_words):
            return reason
    return Reason.NONE


def declined(reason: Reason, subject: str) -> Answer:
    """The reply to a message of that concern. In an emergency a person is offered."""
    text = _REPLIES[reason].format(subject=subject)
    return Answer(text, AnswerKind.ABSTAINED, reason=reason, offers_person=reason is Reason.EMERGENCY)


def subject_words(titles: Set[str]) -> frozenset[str]:
    """The words of documents' titles that tell what the documents are about: five letters or more, small."""
    return frozenset(word for title in titles for word in re.findall(r"[^\W\d_]{5,}", title.lower()))


def _is_excused(reason: Reason, text: str, subject: Set[str]) -> bool:
    if reason is Reason.EMERGENCY:
        return _ABOUT_CALLERS.search(text) is not None
    return reason is Reason.FOREIGN and not subject.isdisjoint(re.findall(r"[^\W\d_]+", text.lower()))
