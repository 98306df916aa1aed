"""The words of the pages for logging in and out, in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogInTexts:
    """One catalogue. Names in braces are filled in with ``str.format``."""

    heading: str
    name: str
    password: str
    log_in: str
    wrong: str
    too_often: str
    unavailable: str
    logged_in_as: str
    log_out: str
    back: str


LOG_IN_TEXTS: Mapping[str, LogInTexts] = {
    "en": LogInTexts(
        heading="Log in",
        name="Name",
        password="Password",
        log_in="Log in",
        wrong="Name and password do not go together. Check both and try again.",
        too_often="Too many attempts. Please wait {seconds} s and try again.",
        unavailable="Logging in does not work at the moment. Please try again in a minute.",
        logged_in_as="You are logged in as {name}.",
        log_out="Log out",
        back="Back to the chat",
    ),
    "zh": LogInTexts(
        heading="登录",
        name="用户名",
        password="密码",
        log_in="登录",
        wrong="用户名和密码不匹配，请检查后重试。",
        too_often="尝试次数过多，请等待 {seconds} 秒后重试。",
        unavailable="目前无法登录，请一分钟后再试。",
        logged_in_as="您已登录为 {name}。",
        log_out="退出登录",
        back="返回对话",
    ),
}
