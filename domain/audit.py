"""What the operators' audit holds, by what it is about."""

from __future__ import annotations

from enum import StrEnum


class AuditArea(StrEnum):
    """What an entry of the audit is about; a closed choice."""

    SETTINGS = "settings"
    KNOWLEDGE = "knowledge"
    ACCOUNTS = "accounts"
    LOG_INS = "log-ins"


_AREAS = {
    "document": AuditArea.KNOWLEDGE,
    "knowledge": AuditArea.KNOWLEDGE,
    "upload": AuditArea.KNOWLEDGE,
    "user": AuditArea.ACCOUNTS,
    "password": AuditArea.ACCOUNTS,
    "key": AuditArea.ACCOUNTS,
    "log-in": AuditArea.LOG_INS,
    "failed": AuditArea.LOG_INS,
}


def area_of(what: str) -> AuditArea:
    """The area of an entry, by the first word of what was changed; a setting's key has no other."""
    return _AREAS.get(what.partition(" ")[0], AuditArea.SETTINGS)
