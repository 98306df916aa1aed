"""The words of what can be done with a turn, a conversation and one's own files, in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionTexts:
    """One catalogue. Names in braces are filled in with ``str.format``."""

    good: str
    bad: str
    what_was_wrong: str
    reasons: Mapping[str, str]
    comment: str
    send_feedback: str
    thanks: str
    not_noted: str
    cancel: str
    retry: str
    retry_help: str
    edit_help: str
    ask_edited: str
    more_actions: str
    copy_link: str
    link_copied: str
    delete_turn: str
    confirm_delete_turn: str
    ask_next: str
    branched: str
    branched_from: str
    trimmed: str
    turn_gone: str
    working: str
    pin: str
    unpin: str
    pinned: str
    search: str
    nothing_found: str
    export: str
    export_as: Mapping[str, str]
    export_covered: str
    import_file: str
    imported: str
    nothing_to_export: str
    untitled: str
    exported: str
    no_font: str
    your_files: str
    add_file: str
    sending: str
    reading_file: str
    file_added: str
    ask_files: str
    only_you: str
    remove_file: str
    confirm_remove: str
    file_gone: str
    page_number: str
    help: str
    shortcuts: Mapping[str, str]


ENGLISH_ACTIONS = ActionTexts(
    good="Good answer",
    bad="Not a good answer",
    what_was_wrong="What was wrong?",
    reasons={
        "wrong": "It is wrong",
        "not_asked": "Not what I asked",
        "missing": "Something is missing",
        "outdated": "Out of date",
        "source": "Wrong source",
    },
    comment="Anything else? (optional)",
    send_feedback="Send",
    thanks="Thank you: noted.",
    not_noted="This could not be noted, because memory is down; please try again shortly.",
    cancel="Cancel",
    retry="Retry",
    retry_help="Ask again; the new answer takes the place of this one",
    edit_help="The edited question is asked in a branch; this conversation stays as it is.",
    ask_edited="Ask in a branch",
    more_actions="More actions",
    copy_link="Copy link",
    link_copied="Link copied",
    delete_turn="Delete this question",
    confirm_delete_turn="Delete question and answer?",
    ask_next="What you could ask next",
    branched="A branch of a conversation that is gone.",
    branched_from="A branch of",
    trimmed="The oldest {count} questions were dropped: a conversation keeps so many and no more.",
    turn_gone="This question is no longer in the conversation.",
    working="One moment…",
    pin="Pin",
    unpin="Unpin",
    pinned="Pinned",
    search="Search conversations",
    nothing_found="No conversation holds these words.",
    export="Export",
    export_as={"md": "Markdown", "pdf": "PDF", "json": "JSON"},
    export_covered="with personal data covered",
    import_file="Import a conversation",
    imported="Imported.",
    nothing_to_export="There is no such conversation to export.",
    untitled="Conversation",
    exported="Questions: {count}. Exported on {date}.",
    no_font="Some letters could not be drawn (?), because this server has no font for them; an administrator can "
    "install one, such as fonts-noto-cjk. Markdown and JSON hold every letter.",
    your_files="Your files",
    add_file="Add a file to ask about",
    sending="Sending {name}",
    reading_file="Reading {name}",
    file_added="{name} can be asked about now.",
    ask_files="Ask your files",
    only_you="Only you can see these files. Answers come from them alone.",
    remove_file="Remove {name}",
    confirm_remove="Remove?",
    file_gone="This file is not there any more.",
    page_number="Page {number} of the PDF",
    help="Keyboard shortcuts",
    shortcuts={
        "Enter": "Send the question",
        "Shift+Enter": "Start a new line",
        "Esc": "Stop the answer; close what is open",
        "Shift+Esc": "Go to the message box",
        "Ctrl+K": "Search conversations",
        "Ctrl+Shift+O": "New chat",
        "Ctrl+/": "Show this help (also ?)",
    },
)

CHINESE_ACTIONS = ActionTexts(
    good="回答得好",
    bad="回答不好",
    what_was_wrong="哪里不对？",
    reasons={
        "wrong": "内容有误",
        "not_asked": "答非所问",
        "missing": "缺少内容",
        "outdated": "已经过时",
        "source": "来源不对",
    },
    comment="还有什么要说的吗？（可选）",
    send_feedback="发送",
    thanks="谢谢，已记录。",
    not_noted="记忆服务无法连接，未能记录；请稍后再试。",
    cancel="取消",
    retry="重试",
    retry_help="再问一次，新的回答会取代这个回答",
    edit_help="修改后的问题会在分支对话中提出，本对话保持不变。",
    ask_edited="在分支中提问",
    more_actions="更多操作",
    copy_link="复制链接",
    link_copied="链接已复制",
    delete_turn="删除这个问题",
    confirm_delete_turn="删除问题和回答？",
    ask_next="接下来可以问",
    branched="由一个已删除的对话分支而来。",
    branched_from="分支自",
    trimmed="最早的 {count} 个问题已被移除：对话只保留一定的数量。",
    turn_gone="这个问题已不在对话中。",
    working="请稍候…",
    pin="置顶",
    unpin="取消置顶",
    pinned="已置顶",
    search="搜索对话",
    nothing_found="没有对话包含这些词。",
    export="导出",
    export_as={"md": "Markdown", "pdf": "PDF", "json": "JSON"},
    export_covered="隐去个人信息",
    import_file="导入对话",
    imported="已导入。",
    nothing_to_export="没有可导出的对话。",
    untitled="对话",
    exported="共 {count} 个问题，导出于 {date}。",
    no_font="有些文字无法显示（?），因为服务器没有相应的字体；管理员可以安装字体，例如 fonts-noto-cjk。"
    "Markdown 和 JSON 保留全部文字。",
    your_files="您的文件",
    add_file="添加文件以便提问",
    sending="正在发送 {name}",
    reading_file="正在读取 {name}",
    file_added="现在可以就 {name} 提问了。",
    ask_files="询问您的文件",
    only_you="只有您能看到这些文件，回答也只来自它们。",
    remove_file="移除 {name}",
    confirm_remove="确认移除？",
    file_gone="这个文件已不在了。",
    page_number="PDF 第 {number} 页",
    help="键盘快捷键",
    shortcuts={
        "Enter": "发送问题",
        "Shift+Enter": "换行",
        "Esc": "停止回答；关闭已打开的内容",
        "Shift+Esc": "转到输入框",
        "Ctrl+K": "搜索对话",
        "Ctrl+Shift+O": "新对话",
        "Ctrl+/": "显示此帮助（也可按 ?）",
    },
)
