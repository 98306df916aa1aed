"""Passwords: hashed with Argon2id, checked against their own hash only."""

from __future__ import annotations

import time

from memory.passwords import Passwords, digest, new_secret

FAST = Passwords(passes=1, memory_kib=32)


def test_a_hash_is_argon2id_with_the_cost_of_rfc_9106() -> None:
    assert Passwords().hash("correct horse").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_password_fits_its_own_hashes_which_never_repeat() -> None:
    first, second = FAST.hash("correct horse"), FAST.hash("correct horse")
    assert first != second
    assert FAST.fits(first, "correct horse")
    assert FAST.fits(second, "correct horse")


def test_nothing_else_fits() -> None:
    hashed = FAST.hash("correct horse")
    assert not FAST.fits(hashed, "correct horse ")
    assert not FAST.fits(hashed, "")
    assert not FAST.fits("no hash", "correct horse")
    assert not FAST.fits(None, "correct horse")


def test_a_name_that_nobody_has_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords(passes=4, memory_kib=8192)
    hashed = passwords.hash("correct horse")
    passwords.fits(None, "warm")
    known = min(_seconds(passwords, hashed) for _ in range(5))
    unknown = min(_seconds(passwords, None) for _ in range(5))
    assert known / 3 < unknown < known * 3


def _seconds(passwords: Passwords, hashed: str | None) -> float:
    started = time.process_time()
    passwords.fits(hashed, "wrong")
    return time.process_time() - started


def test_half_a_surrogate_pair_is_a_password_like_any_other() -> None:
    assert FAST.fits(FAST.hash("\ud800 pair"), "\ud800 pair")
    assert len(digest("\ud800")) == 64


def test_secrets_are_long_and_never_repeat() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(one) for one in made} == {43}
