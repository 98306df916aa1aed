"""The changes of ``memory/redis_store.py`` that must happen as one, as Redis runs them: Lua, one instant each.

The keys are described there. Times are whole microseconds by the server's clock, the only one all apps share.
"""

from __future__ import annotations

APPEND = """
-- KEYS: turns, ids, about, conversations
-- ARGV: turn, its id, title, conversation id, seconds to live (0: for good), most turns, most bytes
if redis.call('LPOS', KEYS[2], ARGV[2]) then return 0 end
local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[2], ARGV[2])
local count = redis.call('LLEN', KEYS[1])
local bytes = redis.call('HINCRBY', KEYS[3], 'bytes', #ARGV[1])
local trimmed = 0
while count > tonumber(ARGV[6]) or bytes > tonumber(ARGV[7]) do
  bytes = bytes - #redis.call('LPOP', KEYS[1])
  redis.call('LPOP', KEYS[2])
  count, trimmed = count - 1, trimmed + 1
end
redis.call('HSETNX', KEYS[3], 'title', ARGV[3])
redis.call('HINCRBY', KEYS[3], 'trimmed', trimmed)
-- %.0f: Lua would write a number of 16 digits as 1.79e+15
local now = string.format('%.0f', now_us)
local ttl_ms = ARGV[5] * 1000
local expires_ms = math.floor(now_us / 1000) + ttl_ms
local expires = ttl_ms > 0 and string.format('%.0f', expires_ms * 1000) or ''
redis.call('HSET', KEYS[3], 'updated_us', now, 'bytes', bytes, 'expires_us', expires)
local had = redis.call('PTTL', KEYS[4])
redis.call('ZADD', KEYS[4], now, ARGV[4])
for i = 1, 3 do
  if ttl_ms > 0 then redis.call('PEXPIREAT', KEYS[i], string.format('%.0f', expires_ms))
  else redis.call('PERSIST', KEYS[i]) end
end
-- the list of conversations outlives the longest-lived of them (-2: it is new, -1: one is kept for good)
if ttl_ms == 0 then redis.call('PERSIST', KEYS[4])
elseif had ~= -1 and had < ttl_ms then redis.call('PEXPIREAT', KEYS[4], string.format('%.0f', expires_ms)) end
return 1
"""

RENAME = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'title', ARGV[1]) end
"""

FORGET_GONE = """
-- KEYS: about, conversations; checked again here, because an append may have come between
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
"""
