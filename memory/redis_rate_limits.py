"""Rate limits in Redis: one token bucket for each subject and limit, one Lua script for every take.

Key: ``colloquy:v1:{DIGEST}:limit``, the digest being of subject and limit; a hash of ``tokens`` and ``at_us``, gone as
soon as the bucket would be full again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from typing import Any

from domain.accounts import Limit

RunScript = Callable[[str, SequenceOf[str], SequenceOf[str | bytes | int | float]], Any]
"""(Lua, keys, arguments) -> the server's reply; raises ``PartUnavailable`` when it does not answer."""

_TAKE = """
-- KEYS: bucket. ARGV: what it holds, microseconds in which it fills -> microseconds to wait
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local holds, fills = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at_us')
local tokens, at = tonumber(kept[1] or holds), tonumber(kept[2] or now)
-- a server's clock may go back; a bucket never empties by itself
tokens = math.min(holds, tokens + math.max(0, now - at) * holds / fills)
local wait = 0
if tokens >= 1 then tokens = tokens - 1
else wait = math.ceil((1 - tokens) * fills / holds) end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at_us', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((holds - tokens) * fills / holds / 1000) + 1))
return wait
"""


class RedisRateLimiter:
    """A ``RateLimiter`` in Redis, shared by every application on it."""

    def __init__(self, run: RunScript) -> None:
        self._run = run

    def take(self, subject: str, limit: Limit) -> float:
        """0.0 when allowed, else the seconds to wait."""
        if limit.count == 0:
            return 0.0
        name = hashlib.sha256(f"{limit.name}\n{subject}".encode("utf-8", "surrogatepass")).hexdigest()
        waits = self._run(_TAKE, [f"colloquy:v1:{{{name}}}:limit"], [limit.count, round(limit.seconds * 1e6)])
        return int(waits) / 1e6
