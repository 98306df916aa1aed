"""Every word the page says on its own account, in each language it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.answer import AnswerKind
from domain.conversation import Gate
from domain.explanation import Part
from web.texts_actions import CHINESE_ACTIONS, ENGLISH_ACTIONS, ActionTexts


class Language(StrEnum):
    """The languages of the interface; the value is the tag that ``<html lang>`` takes."""

    ENGLISH = "en"
    CHINESE = "zh"


class Look(StrEnum):
    """The two pictures of an explanation."""

    COPIED = "copied"
    ATTENDED = "attended"


@dataclass(frozen=True, slots=True)
class Texts:
    """One catalogue. Names in braces are filled in with ``str.format``."""

    language: Language
    other_language: Language
    other_language_name: str
    new_chat: str
    conversations: str
    no_conversations: str
    today: str
    yesterday: str
    earlier: str
    more: str
    rename: str
    delete: str
    confirm_delete: str
    open_menu: str
    close: str
    toggle_dark: str
    toggle_language: str
    knowledge_base: str
    ask_placeholder: str
    message_label: str
    send: str
    stop: str
    keys: str
    first_visit: str
    knows: str
    last_update: str
    no_documents: str
    you: str
    searched: str
    gate: Mapping[Gate, str]
    gate_confidence: str
    searching: str
    reading: str
    reading_nothing: str
    writing: str
    stopping: str
    sources: str
    sources_empty: str
    also_in: str
    found_not_used: str
    match: str
    rank: str
    since: str
    open_document: str
    show_source: str
    source_number: str
    sure: tuple[str, str, str, str]
    confidence_help: str
    from_sources: str
    from_one_source: str
    seconds: str
    weight: str
    kind: Mapping[AnswerKind, str]
    not_found: str
    not_found_text: str
    closest: str
    ask_a_person: str
    stopped: str
    nothing_written: str
    interrupted: str
    not_stored: str
    waiting: str
    copy: str
    copied: str
    edit: str
    ask_again: str
    unavailable: str
    apology: str
    no_cookie: str
    busy: str
    queued: str
    knowledge_base_gone: str
    kept_days: str
    kept_hours: str
    kept_always: str
    limits: str
    document_gone: str
    document_changed: str
    document_cut: str
    why: str
    effects: str
    effects_help: str
    nats: str
    cited: str
    attention: Mapping[Look, str]
    attention_help: Mapping[Look, str]
    word: str
    column: Mapping[Part, str]
    cell: str
    unread: str
    months: tuple[str, ...]
    date: str
    actions: ActionTexts


_MONTHS = "January February March April May June July August September October November December".split()

ENGLISH = Texts(
    language=Language.ENGLISH,
    other_language=Language.CHINESE,
    other_language_name="中文",
    new_chat="New chat",
    conversations="Conversations",
    no_conversations="Your conversations will be listed here.",
    today="Today",
    yesterday="Yesterday",
    earlier="Earlier",
    more="Rename or delete “{title}”",
    rename="Rename",
    delete="Delete",
    confirm_delete="Delete?",
    open_menu="Show conversations",
    close="Close",
    toggle_dark="Dark or light",
    toggle_language="Switch the language to Chinese",
    knowledge_base="Knowledge base",
    ask_placeholder="Ask a question…",
    message_label="Your question",
    send="Send",
    stop="Stop",
    keys="Enter sends · Shift+Enter starts a new line · Esc stops",
    first_visit="Ask {title}",
    knows="{documents} documents, {passages} passages",
    last_update="last updated {date}",
    no_documents="This knowledge base holds no documents yet. Add some with “colloquy ingest”.",
    you="You",
    searched="Searched",
    gate={
        Gate.KEEP: "Searched as typed",
        Gate.REWRITE: "Rewritten to stand on its own",
        Gate.RESET: "Taken as a new topic",
    },
    gate_confidence="certainty {value}",
    searching="Searching",
    reading="Reading {count} passages",
    reading_nothing="Nothing found; deciding what to say",
    writing="Writing",
    stopping="Stopping",
    sources="Sources",
    sources_empty="The passages behind each answer appear here.",
    also_in="The same stands in",
    found_not_used="{count} more found, not used",
    match="match {value}",
    rank="rank {value}",
    since="from {date}",
    open_document="open document",
    show_source="Show source {number}: {heading}",
    source_number="Source {number}",
    sure=("sure", "fairly sure", "unsure", "very unsure"),
    confidence_help="Of 100 answers marked {value}, about {percent} are right.",
    from_sources="from {count} sources",
    from_one_source="from 1 source",
    seconds="{value} s",
    weight="λ retrieval {value}",
    kind={
        AnswerKind.GENERATED: "written from the sources",
        AnswerKind.QUOTED: "quoted word for word",
        AnswerKind.CLARIFYING: "asking back",
        AnswerKind.ABSTAINED: "not answered",
        AnswerKind.HANDED_OFF: "passed to a person",
        AnswerKind.SMALL_TALK: "small talk",
    },
    not_found="Not found in {title}",
    not_found_text="I could not find this in {title}.",
    closest="Closest",
    ask_a_person="Ask a person",
    stopped="You stopped this answer.",
    nothing_written="Nothing had been written yet.",
    interrupted="The connection broke before the answer was complete.",
    not_stored="Not remembered: memory is down.",
    waiting="Memory is down. This answer waits on this machine, and is kept as soon as memory is back.",
    copy="Copy",
    copied="Copied",
    edit="Edit",
    ask_again="Ask again",
    unavailable="Something this needs is not answering at the moment. Your question was kept; try again shortly.",
    apology="Sorry, something went wrong on our side. Your question was kept; please try again.",
    no_cookie="Your browser sent no cookie, so nothing can be kept apart from other people. Allow cookies for this "
    "site and reload the page.",
    busy="Too many answers are being written at this moment. Please try again in a few seconds.",
    queued="Waiting in line: number {position}",
    knowledge_base_gone="This knowledge base no longer exists. Choose another one above.",
    kept_days="kept {count} days",
    kept_hours="kept {count} hours",
    kept_always="kept until deleted",
    limits="A conversation is {kept} after it was last used, up to {turns} questions and {size}. The oldest "
    "questions go first. Only this browser can see it.",
    document_gone="This document is no longer in the knowledge base.",
    document_changed="This document has changed since the answer was given; the cited passage is no longer in it.",
    document_cut="The document is long; this is the part around the cited passage.",
    why="Why this answer",
    effects="What the answer loses without each passage",
    effects_help="Change of the answer's log-probability when the passage is taken away; near 0 it is not needed.",
    nats="{value} nats",
    cited="cited",
    attention={
        Look.COPIED: "Where each word was taken from",
        Look.ATTENDED: "Where the model looked while writing each word",
    },
    attention_help={
        Look.COPIED: "Shares of each word's probability; a row adds up to 1.",
        Look.ATTENDED: "Cross-attention, the mean over heads and layers; a row adds up to 1.",
    },
    word="Word",
    column={
        Part.QUESTION: "Question",
        Part.HEADING: "Heading of passage {rank}",
        Part.SENTENCE: "Passage {rank}, sentence {sentence}",
        Part.REST: "The rest of passage {rank}",
        Part.PASSAGE: "Passage {rank}",
        Part.VOCABULARY: "The model's own words",
    },
    cell="“{word}”, {column}: {value}",
    unread="not read, because the passage is long",
    months=tuple(_MONTHS),
    date="{day} {month} {year}",
    actions=ENGLISH_ACTIONS,
)

CHINESE = Texts(
    language=Language.CHINESE,
    other_language=Language.ENGLISH,
    other_language_name="EN",
    new_chat="新对话",
    conversations="对话",
    no_conversations="您的对话会列在这里。",
    today="今天",
    yesterday="昨天",
    earlier="更早",
    more="重命名或删除“{title}”",
    rename="重命名",
    delete="删除",
    confirm_delete="确认删除？",
    open_menu="显示对话列表",
    close="关闭",
    toggle_dark="深色或浅色",
    toggle_language="Switch the language to English",
    knowledge_base="知识库",
    ask_placeholder="请输入问题…",
    message_label="您的问题",
    send="发送",
    stop="停止",
    keys="Enter 发送 · Shift+Enter 换行 · Esc 停止",
    first_visit="询问 {title}",
    knows="{documents} 份文档，{passages} 个段落",
    last_update="更新于 {date}",
    no_documents="这个知识库还没有文档。请用 “colloquy ingest” 添加。",
    you="您",
    searched="已搜索",
    gate={Gate.KEEP: "按原文搜索", Gate.REWRITE: "已改写为完整的问题", Gate.RESET: "视为新话题"},
    gate_confidence="把握 {value}",
    searching="正在搜索",
    reading="正在阅读 {count} 个段落",
    reading_nothing="没有找到内容，正在考虑如何回答",
    writing="正在撰写",
    stopping="正在停止",
    sources="来源",
    sources_empty="每个回答所依据的段落会显示在这里。",
    also_in="同样的内容也见于",
    found_not_used="另有 {count} 个段落未使用",
    match="匹配 {value}",
    rank="第 {value} 位",
    since="自 {date} 起",
    open_document="打开文档",
    show_source="显示来源 {number}：{heading}",
    source_number="来源 {number}",
    sure=("有把握", "较有把握", "不太确定", "很不确定"),
    confidence_help="标为 {value} 的 100 个回答中，约有 {percent} 个是正确的。",
    from_sources="依据 {count} 个来源",
    from_one_source="依据 1 个来源",
    seconds="{value} 秒",
    weight="λ 检索 {value}",
    kind={
        AnswerKind.GENERATED: "根据来源撰写",
        AnswerKind.QUOTED: "逐字引用",
        AnswerKind.CLARIFYING: "反问",
        AnswerKind.ABSTAINED: "未回答",
        AnswerKind.HANDED_OFF: "已转人工",
        AnswerKind.SMALL_TALK: "闲聊",
    },
    not_found="在{title}中没有找到",
    not_found_text="我在{title}中没有找到这个问题的答案。",
    closest="最接近的内容",
    ask_a_person="转人工",
    stopped="您停止了这个回答。",
    nothing_written="还没有写出任何内容。",
    interrupted="回答完成之前连接中断了。",
    not_stored="未被记住：记忆服务无法连接。",
    waiting="记忆服务无法连接。此回答暂存于本机，恢复后即会保存。",
    copy="复制",
    copied="已复制",
    edit="编辑",
    ask_again="再问一次",
    unavailable="所需的服务暂时没有响应。您的问题已保留，请稍后再试。",
    apology="抱歉，我们这边出了问题。您的问题已保留，请再试一次。",
    no_cookie="您的浏览器没有发送 Cookie，因此无法把您的对话与他人分开。请允许本站使用 Cookie 并刷新页面。",
    busy="此刻正在撰写的回答太多。请几秒后再试。",
    queued="正在排队：第 {position} 位",
    knowledge_base_gone="这个知识库已不存在。请在上方选择另一个。",
    kept_days="保留 {count} 天",
    kept_hours="保留 {count} 小时",
    kept_always="保留至删除",
    limits="对话自最后一次使用起{kept}，最多 {turns} 个问题、{size}。最早的问题最先删除。只有此浏览器可以看到。",
    document_gone="这份文档已不在知识库中。",
    document_changed="回答之后文档已有改动，其中不再含有所引用的段落。",
    document_cut="文档较长，这里只显示引用段落附近的部分。",
    why="为什么这样回答",
    effects="去掉每个段落后，回答会失去什么",
    effects_help="去掉该段落时，回答的对数概率的变化；接近 0 表示不需要它。",
    nats="{value} 纳特",
    cited="已引用",
    attention={Look.COPIED: "每个词取自哪里", Look.ATTENDED: "写每个词时模型看向哪里"},
    attention_help={
        Look.COPIED: "每个词的概率由各处所占的份额；每行之和为 1。",
        Look.ATTENDED: "交叉注意力，各头各层的平均值；每行之和为 1。",
    },
    word="词",
    column={
        Part.QUESTION: "问题",
        Part.HEADING: "段落 {rank} 的标题",
        Part.SENTENCE: "段落 {rank} 第 {sentence} 句",
        Part.REST: "段落 {rank} 的其余部分",
        Part.PASSAGE: "段落 {rank}",
        Part.VOCABULARY: "模型自己的词",
    },
    cell="“{word}”，{column}：{value}",
    unread="段落太长，未读",
    months=tuple(str(number) for number in range(1, 13)),
    date="{year} 年 {month} 月 {day} 日",
    actions=CHINESE_ACTIONS,
)

CATALOGUES = {Language.ENGLISH: ENGLISH, Language.CHINESE: CHINESE}


def choose_language(cookie: str | None, accepted: str | None) -> Language:
    """The language a person chose (``cookie``), or the first of ``Accept-Language`` that we speak, or English."""
    if cookie in set(Language):
        return Language(cookie)
    for part in (accepted or "").split(","):
        tag = part.split(";")[0].strip().lower()[:2]
        if tag in set(Language):
            return Language(tag)
    return Language.ENGLISH
