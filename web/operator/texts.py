"""Every word the console says on its own account. English is the default of each field; ``texts_zh.py`` has 中文."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.answer import AnswerKind, Reason
from domain.audit import AuditArea
from domain.operating import Why

_TABS = {
    "sessions": "Sessions",
    "queue": "Queue",
    "knowledge": "Knowledge",
    "playground": "Playground",
    "dashboards": "Dashboards",
    "settings": "Settings",
}
_KINDS = {
    AnswerKind.GENERATED: "answered",
    AnswerKind.QUOTED: "quoted",
    AnswerKind.CLARIFYING: "asked back",
    AnswerKind.ABSTAINED: "not answered",
    AnswerKind.HANDED_OFF: "handed over",
    AnswerKind.SMALL_TALK: "small talk",
}
_AREAS = {
    AuditArea.SETTINGS: "settings",
    AuditArea.KNOWLEDGE: "knowledge",
    AuditArea.ACCOUNTS: "accounts and keys",
    AuditArea.LOG_INS: "log-ins",
}
_REASONS = {
    Reason.UNSURE: "nothing was sure enough",
    Reason.NOTHING_FOUND: "nothing was found",
    Reason.FOREIGN: "none of the documents' business",
    Reason.EMERGENCY: "somebody may be in danger",
    Reason.UNSAFE: "help to do harm",
    Reason.INJECTION: "orders to the assistant",
    Reason.ASKED_FOR_PERSON: "asked for a person",
    Reason.AFTER_ABSTENTION: "took the offer of a person",
}
_WHYS = {Why.FLAGGED: "bad answer", Why.ABSTAINED: "not answered", Why.HANDED_OFF: "handed over"}
_STAGES = {
    "rewrite": "rewrite",
    "retrieve": "retrieve and read",
    "rerank": "read again",
    "generate": "write",
    "weigh": "weigh",
    "total": "whole turn",
}
_KNOBS = {
    "weighting.abstain_below": (
        "Answer from this confidence on",
        "Below it the assistant says that it does not know. Higher: fewer wrong answers and fewer answers.",
    ),
    "weighting.mode": (
        "How λ is found",
        "Adaptive follows each turn's own figures; fixed takes the weight below in every turn.",
    ),
    "weighting.retrieval_weight": (
        "λ where it is fixed",
        "1 trusts what was found (quotes), 0 trusts what was written.",
    ),
    "retrieval.top_k": ("Passages of an answer", "How many are shown beside it and may be cited."),
    "retrieval.candidates": (
        "Passages that are read",
        "How many of the found ones the reader reads with the question; most of a search's time.",
    ),
    "retrieval.threshold": (
        "Found from this relevance on",
        "Below it a passage does not count as found.",
    ),
    "retrieval.fusion": ("How lists are fused", "Learned weights over ranks and scores, or reciprocal ranks."),
    "retrieval.fusion_share": (
        "The fusion's share of the order",
        "The rest of the order is the reader's.",
    ),
    "generation.passages": ("Passages the answerer reads", "Best first; more take longer."),
    "policy.ask_back": ("Ask back", "When two readings are about equally likely and nobody said which."),
    "policy.nearly_as_likely": (
        "Second reading at least",
        "How likely it must be beside the first before something is asked back.",
    ),
    "policy.worth_asking": ("First reading at least", "How likely it must be before something is asked back."),
    "policy.sure_enough": ("Sure enough not to ask", "The confidence above which an answer is given at once."),
}
_VALUES = {
    "adaptive": "adaptive",
    "fixed": "fixed",
    "learned": "learned",
    "rrf": "reciprocal rank",
    "true": "on",
    "false": "off",
}
_SAID = {
    "kept": "Kept. Training and measuring can read it.",
    "mended": "The document says so from now on.",
    "added": "The page is in the knowledge base.",
    "handed": "It waits in the queue for a person.",
    "taken": "It is yours.",
    "not-taken": "Somebody else has taken it.",
    "done": "Done.",
    "noted": "Noted.",
    "made": "The knowledge base is there, and empty.",
    "described": "Title and metadata are kept.",
    "deleted": "The document is gone.",
    "rebuilding": "It is being built anew; it is searched as it was until the new one is whole.",
    "already": "It is being built anew already.",
    "changed": "Holds from the next turn on.",
}


@dataclass(frozen=True, slots=True)
class OperatorTexts:
    """One catalogue. Names in braces are filled in with ``str.format``."""

    console: str = "Operators' console"
    skip: str = "Skip to the content"
    tabs: Mapping[str, str] = field(default_factory=lambda: _TABS)
    kinds: Mapping[AnswerKind, str] = field(default_factory=lambda: _KINDS)
    reasons: Mapping[Reason, str] = field(default_factory=lambda: _REASONS)
    whys: Mapping[Why, str] = field(default_factory=lambda: _WHYS)
    stages: Mapping[str, str] = field(default_factory=lambda: _STAGES)
    knobs: Mapping[str, tuple[str, str]] = field(default_factory=lambda: _KNOBS)
    values: Mapping[str, str] = field(default_factory=lambda: _VALUES)
    modes: Mapping[str, str] = field(default_factory=lambda: {"adaptive": "adaptive", "fixed": "fixed"})
    fusions: Mapping[str, str] = field(default_factory=lambda: {"learned": "Learned fusion", "rrf": "Reciprocal rank"})
    done_words: Mapping[str, str] = field(default_factory=lambda: _SAID)
    short_date: str = "{day} {month}"
    any: str = "any"
    text: str = "Words in question or answer"
    kind: str = "Kind"
    confidence: str = "Confidence"
    feedback: str = "Feedback"
    knowledge_base: str = "Knowledge base"
    since: str = "From"
    until: str = "To"
    show: str = "Show"
    live: str = "Live: new turns appear by themselves"
    new_turns: str = "{count} new"
    older: str = "Older turns"
    no_turns: str = "No turns here. Ask something on the chat page, or take a filter away."
    turns: str = "turns"
    turn: str = "Turn"
    one_conversation: str = "One conversation"
    all_turns: str = "all turns"
    whole_conversation: str = "whole conversation"
    stopped: str = "stopped"
    person: str = "Whose turn, as a short hash"
    good: str = "good"
    bad: str = "bad"
    choose_turn: str = "Choose a turn on the left to see what was searched, found and weighed."
    turn_gone: str = "This turn is gone: its conversation was deleted or has expired."
    typed: str = "Typed"
    searched: str = "Searched"
    gate: str = "gate"
    said_before: str = "Said before"
    time: str = "Time"
    answer: str = "Answer"
    answers: str = "Answers"
    passages: str = "Passages"
    no_passages: str = "Nothing was searched, or nothing was found."
    rank: str = "Rank"
    passage: str = "Passage"
    dense: str = "Meaning"
    bm25: str = "Words"
    rerank: str = "Read"
    used: str = "Used"
    effect: str = "If removed"
    candidates: str = "Candidates"
    origin: str = "Origin"
    said: str = "Text"
    p_retrieval: str = "p retrieval"
    p_generation: str = "p writing"
    utility: str = "Utility"
    chosen: str = "chosen"
    weight: str = "λ {value}, {mode}"
    removed: str = "Taken out of drafts"
    figures: str = "All figures the confidence came from"
    explain: str = "Work out why"
    explain_help: str = "Attention, and what the answer loses without each passage. Takes a second or two."
    put_right: str = "Put it right"
    correct_answer: str = "Correct the answer"
    correct_answer_help: str = "What should have been said; the models learn from it at the next training."
    right_answer: str = "The right answer"
    stands_in: str = "It stands in"
    no_passage_says: str = "no passage listed here"
    wrong_passage: str = "Wrong passage"
    wrong_passage_help: str = "This passage does not answer the question; search learns from it."
    mend_passage: str = "Mend the document"
    mend_passage_help: str = "The document itself is wrong. The next search finds what you write here."
    passage_text: str = "What the passage should say"
    add_page: str = "Add to the knowledge base"
    add_page_help: str = "The documents lack the answer: write a page with it."
    title: str = "Title"
    page_text: str = "The page, as Markdown"
    send_to_person: str = "Send to a person"
    note: str = "Note"
    note_on: str = "Note on “{question}”"
    keep: str = "Keep"
    waiting: str = "Waiting"
    finished: str = "Finished"
    still_open: str = "Still waiting"
    nothing_waits: str = (
        "Nothing waits: no answer was flagged, no question is without an answer, nobody wants a person."
    )
    nothing_finished: str = "Nothing was finished yet."
    taken_by: str = "taken by {name}"
    open_turn: str = "Open the turn"
    take: str = "Take"
    done: str = "Done"
    documents: str = "Documents"
    updated: str = "Updated"
    no_bases: str = "There is no knowledge base yet. Make one below, then upload documents."
    base_name: str = "Name (a-z, 0-9, -)"
    new_base: str = "New knowledge base"
    make: str = "Make"
    find_document: str = "Find a document"
    document: str = "Document"
    source: str = "Source"
    holds_for: str = "Holds for"
    no_documents: str = "No documents here."
    first_of: str = "The first {count} of {all}; search for the others."
    counted: str = "{documents} documents, {passages} passages"
    report: str = "Report on quality"
    rebuild: str = "Build anew"
    rebuilding: str = "being built anew …"
    rebuilt: str = "{count} passages were encoded anew."
    upload: str = "Upload files"
    upload_help: str = "{kinds}, up to {size} each. You can also drop files here."
    too_large: str = "is larger than {size}"
    uploaded: str = "{name}: {titles}"
    replaced: str = "{count} replaced what was there"
    metadata: str = "Metadata, a line each: region: UK"
    described: str = "Title and metadata"
    edit_help: str = "An edit holds until the document's own file is read in again."
    passage_named: str = "Text of the passage {name}"
    delete_document: str = "Delete the document"
    sure_delete: str = "Sure? Delete it"
    question: str = "Question"
    how_many: str = "Passages"
    only: str = "Only (region=UK)"
    run: str = "Search"
    playground_help: str = (
        "One question through every way of searching: what each finds, how long it takes, what differs."
    )
    reranked: str = "read again"
    not_reranked: str = "not read again"
    as_now: str = "as turns are answered now"
    nothing_found: str = "Nothing was found."
    lost: str = "Not found this way:"
    only_here: str = "new"
    higher: str = "{count} places higher"
    lower: str = "{count} places lower"
    last_days: str = "last {count} days"
    period: str = "Period"
    capped: str = "Only the newest {count} turns were counted."
    per_day: str = "Questions per day"
    day: str = "Day"
    reliability: str = "Confidence against feedback"
    reliability_help: str = "On the line, the confidence says what people think. Larger points were judged more often."
    judged: str = "Confidence {low} – {high}: {good} of {count} judged good"
    judged_count: str = "Judged"
    share_good: str = "share judged good"
    nobody_judged: str = "Nobody has judged an answer in this time."
    latency: str = "Seconds of a turn"
    latency_help: str = "Half of the turns were faster than p50, 19 of 20 faster than p95."
    by_stage: str = "Time by stage"
    stage: str = "Stage"
    slowest: str = "slowest turn"
    open_topics: str = "Unanswered topics"
    open_topics_help: str = "Questions without an answer, those about one thing together, the most frequent first."
    all_answered: str = "Every question found an answer."
    more_like_it: str = "{count} more like it"
    as_table: str = "As a table"
    settings_help: str = "What is changed here holds from the next turn on, and stays until it is changed again."
    may_not_set: str = "Only administrators change settings; you may look at them."
    changed_from: str = "changed from {value}"
    change: str = "Change"
    somebodys_files: str = "A person's own files"
    own_files: str = "This was asked about files of a person's own. What they say is not shown here."
    audit: str = "Who changed what"
    areas: Mapping[AuditArea, str] = field(default_factory=lambda: _AREAS)
    nothing_changed: str = "Nothing was changed yet."
    when: str = "When"
    who: str = "Who"
    what: str = "What"
    old: str = "Before"
    new: str = "After"
    not_allowed: str = "This page needs the role “{role}”. Ask an administrator."
    unavailable: str = "A part does not answer at the moment. Nothing was changed; try again shortly."
    not_here: str = "There is nothing here. It may have been deleted."


ENGLISH = OperatorTexts()
