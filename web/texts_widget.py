"""What the chat widget says, in every language it speaks. ``{…}`` is filled in by its script."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WidgetTexts:
    """One language; the names say where each text stands."""

    title: str
    open: str
    close: str
    new: str
    hello: str
    placeholder: str
    send: str
    stop: str
    you: str
    queued: str
    searching: str
    reading: str
    writing: str
    sources: str
    open_document: str
    sure: str
    stopped: str
    failed: str
    demo_title: str
    demo_about: str
    demo_how: str


ENGLISH = WidgetTexts(
    title="Ask us",
    open="Open the chat",
    close="Close the chat",
    new="New conversation",
    hello="Ask a question. Answers come from our documents, with the passage they stand in.",
    placeholder="Your question…",
    send="Send",
    stop="Stop",
    you="You",
    queued="Waiting in line: number {position}",
    searching="Searching",
    reading="Reading {count} passages",
    writing="Writing",
    sources="Sources",
    open_document="Open the document",
    sure="How sure: {confidence}",
    stopped="Stopped.",
    failed="This did not work. Please try again in a moment.",
    demo_title="A page with the chat widget",
    demo_about="This page stands for yours. The round button in its corner is the widget; one line brings it:",
    demo_how="The setting web.widget_origins names the sites that may carry it; docs/api.md has the details.",
)
CHINESE = WidgetTexts(
    title="咨询",
    open="打开聊天",
    close="关闭聊天",
    new="新对话",
    hello="请提问。答案出自我们的文档，并附上所依据的段落。",
    placeholder="您的问题…",
    send="发送",
    stop="停止",
    you="您",
    queued="正在排队：第 {position} 位",
    searching="正在查找",
    reading="正在阅读 {count} 个段落",
    writing="正在撰写",
    sources="来源",
    open_document="打开文档",
    sure="把握程度：{confidence}",
    stopped="已停止。",
    failed="没有成功。请稍后再试。",
    demo_title="带有聊天组件的页面",
    demo_about="这个页面代表您的网站。角落里的圆形按钮就是聊天组件，只需一行 HTML：",
    demo_how="服务器只接受设置 web.widget_origins 中列出的网站；详见 docs/api.md。",
)
WIDGET_CATALOGUES = {"en": ENGLISH, "zh": CHINESE}
