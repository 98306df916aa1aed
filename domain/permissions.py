"""What each role may do in the operators' console: the one table that every page and action there asks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from domain.accounts import Role, may


class Permission(StrEnum):
    """Something that may be done; a closed choice. ``CASES``: reading the turns that the queue holds, with their trace
    and sources. ``TURNS``: reading everybody's."""

    QUEUE = "queue"
    CASES = "cases"
    TURNS = "turns"
    CORRECT = "correct"
    KNOWLEDGE = "knowledge"
    PLAYGROUND = "playground"
    DASHBOARDS = "dashboards"
    SEE_SETTINGS = "see_settings"
    CHANGE_SETTINGS = "change_settings"


NEEDED: Mapping[Permission, Role] = {
    Permission.QUEUE: "agent",
    Permission.CASES: "agent",
    Permission.TURNS: "operator",
    Permission.CORRECT: "operator",
    Permission.KNOWLEDGE: "operator",
    Permission.PLAYGROUND: "operator",
    Permission.DASHBOARDS: "operator",
    Permission.SEE_SETTINGS: "operator",
    Permission.CHANGE_SETTINGS: "admin",
}
"""The least role that may; those above it may too (``domain.accounts.Role``)."""


def allowed(role: Role, wanted: Permission) -> bool:
    """Whether ``role`` may do ``wanted``."""
    return may(role, NEEDED[wanted])
