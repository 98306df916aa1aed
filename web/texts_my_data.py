"""The words of “My data” and of the way to the operators' console, in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MyDataTexts:
    """One catalogue. Names in braces are filled in with ``str.format``."""

    my_data: str
    kept: str
    conversations: str
    files: str
    no_files: str
    handed_over: str
    download: str
    download_help: str
    delete: str
    sure: str
    what_stays: str
    delete_for_good: str
    keep: str
    deleted: str
    console: str


MY_DATA_TEXTS: Mapping[str, MyDataTexts] = {
    "en": MyDataTexts(
        my_data="My data",
        kept="This is kept of you:",
        conversations="Conversations: {count}, with your ratings and comments",
        files="Files you added: {count} ({names})",
        no_files="Files you added: none",
        handed_over="Questions of yours that were handed over to a person",
        download="Download everything",
        download_help="One JSON file with every conversation whole, your ratings, your questions to a person, and "
        "the list of your files.",
        delete="Delete everything…",
        sure="All of the above is deleted, for good, in every window. This cannot be undone. An answer that is being "
        "written is stopped.",
        what_stays="What stays: your account, if you have one, and questions to which the team has corrected the "
        "answer; they do not say who asked.",
        delete_for_good="Delete everything for good",
        keep="Keep everything",
        deleted="Everything that was kept of you is deleted.",
        console="Operators' console",
    ),
    "zh": MyDataTexts(
        my_data="我的数据",
        kept="这里保存了您的以下内容：",
        conversations="对话：{count} 个，包括您的评价和留言",
        files="您添加的文件：{count} 个（{names}）",
        no_files="您添加的文件：无",
        handed_over="您转交给人工的问题",
        download="下载全部",
        download_help="一个 JSON 文件，包含每个对话的全部内容、您的评价、您转交给人工的问题和文件清单。",
        delete="删除全部…",
        sure="以上内容将在所有窗口中永久删除，无法撤销。正在写的回答会停止。",
        what_stays="会保留的内容：您的账户（如有），以及团队更正过回答的问题，其中不记录是谁问的。",
        delete_for_good="永久删除全部",
        keep="全部保留",
        deleted="为您保存的内容已全部删除。",
        console="运营控制台",
    ),
}
