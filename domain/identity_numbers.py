"""Numbers that name a person or an account, told from other numbers by their check digits. Pure functions over the
characters as written; spaces and hyphens between them do not count."""

from __future__ import annotations

import re
from datetime import date

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip
"""Characters of an IBAN by country, from the registry of ISO 13616."""

_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}"  # Discover
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:50[0-9]{2}|5[6-9]\d\d|6304|67\d\d)\d{8,15}"  # Maestro
)
_PPS_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"
_NINO_UNUSED = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_CHINESE_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def bare(text: str) -> str:
    """``text`` without what groups its characters, in capitals."""
    return re.sub(r"[\s-]", "", text).upper()


def is_card(text: str) -> bool:
    """A payment card: an issuer's range and length, and the check digit of ISO/IEC 7812 (Luhn 1960)."""
    digits = bare(text)
    if not _ISSUERS.fullmatch(digits):
        return False
    doubled = [int(d) * (1 + n % 2) for n, d in enumerate(reversed(digits))]
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """An account: ISO 13616, its country's length, and remainder 1 modulo 97 (ISO/IEC 7064)."""
    plain = bare(text)
    if _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def is_us_social_security(text: str) -> bool:
    """A US social security number as issued: area 001 to 899 but 666, group from 01, serial from 0001."""
    digits = bare(text)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_uk_insurance(text: str) -> bool:
    """A UK national insurance number: it has no check digit, but prefixes that are never given."""
    return bare(text)[:2] not in _NINO_UNUSED


def is_irish_pps(text: str) -> bool:
    """An Irish personal public service number: its first letter is the weighted sum modulo 23."""
    plain = bare(text)
    total = sum(int(d) * weight for d, weight in zip(plain[:7], range(8, 1, -1), strict=True))
    second = plain[8:9]
    if second and second != "W":
        total += 9 * (ord(second) - ord("A") + 1)
    return _PPS_LETTERS[total % 23] == plain[7]


def is_chinese_identity(text: str) -> bool:
    """A Chinese resident identity number (GB 11643): a day that was, and the check digit of ISO/IEC 7064 MOD 11-2."""
    plain = bare(text)
    try:
        born = date(int(plain[6:10]), int(plain[10:12]), int(plain[12:14]))
    except ValueError:
        return False
    total = sum(int(d) * weight for d, weight in zip(plain[:17], _CHINESE_WEIGHTS, strict=True))
    return born.year >= 1900 and "10X98765432"[total % 11] == plain[17]
