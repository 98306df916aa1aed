"""The changes of conversations as Redis runs them: Lua, one instant each.

The keys are those of ``memory/redis_keys.py``: a script is given turns, ids, about, rows, feedback and index, in that
order. Times are whole microseconds by the server's clock, the only one all apps share. A number of 16 digits is
written with ``%.0f``: Lua alone would make it 1.79e+15.
"""

from __future__ import annotations

_CLOCK = """
local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local now = string.format('%.0f', now_us)
"""

_KEEP = """
-- All keys of the conversation live for ttl_ms more, or for good; the index outlives the longest-lived of its
-- conversations (PTTL -2: there is none, -1: kept for good).
local function keep(ttl_ms)
  local at = string.format('%.0f', math.floor(now_us / 1000) + ttl_ms)
  for i = 1, 5 do
    if ttl_ms > 0 then redis.call('PEXPIREAT', KEYS[i], at) else redis.call('PERSIST', KEYS[i]) end
  end
  local had = redis.call('PTTL', KEYS[6])
  if ttl_ms == 0 then redis.call('PERSIST', KEYS[6])
  elseif had > -1 and had < ttl_ms then redis.call('PEXPIREAT', KEYS[6], at) end
end
-- Puts the conversation at the head of the index; the index's own time is set where it has none yet.
local function list(conversation, ttl_ms)
  local new = redis.call('EXISTS', KEYS[6]) == 0
  redis.call('ZADD', KEYS[6], now, conversation)
  redis.call('HSET', KEYS[3], 'updated_us', now)
  if new and ttl_ms > 0 then
    redis.call('PEXPIREAT', KEYS[6], string.format('%.0f', math.floor(now_us / 1000) + ttl_ms))
  end
end
"""

_TRIM = """
-- The oldest turns go until at most `turns` of `bytes` together are left, and are counted.
local function trim(turns, bytes)
  local count = redis.call('LLEN', KEYS[1])
  local size = tonumber(redis.call('HGET', KEYS[3], 'bytes') or 0)
  local trimmed = 0
  while count > turns or size > bytes do
    size = size - #redis.call('LPOP', KEYS[1])
    local id = redis.call('LPOP', KEYS[2])
    redis.call('HDEL', KEYS[4], id)
    redis.call('HDEL', KEYS[5], id)
    count, trimmed = count - 1, trimmed + 1
  end
  redis.call('HSET', KEYS[3], 'bytes', size)
  redis.call('HINCRBY', KEYS[3], 'trimmed', trimmed)
end
local function push(turn, id, row)
  redis.call('RPUSH', KEYS[1], turn)
  redis.call('RPUSH', KEYS[2], id)
  redis.call('HSET', KEYS[4], id, row)
  redis.call('HINCRBY', KEYS[3], 'bytes', #turn)
end
local function name(title)
  if (redis.call('HGET', KEYS[3], 'title') or '') == '' then redis.call('HSET', KEYS[3], 'title', title) end
end
"""

APPEND = f"""
-- KEYS: … and, seventh, the mark that everything was erased. ARGV: turn, its id, row, title, conversation id, seconds
-- to live (0: for good), most turns, most bytes, when it was asked (µs, 0: not known). -1: it is from before
{_CLOCK}{_KEEP}{_TRIM}
local asked = tonumber(ARGV[9])
if asked > 0 and asked <= tonumber(redis.call('GET', KEYS[7]) or 0) then return -1 end
if redis.call('LPOS', KEYS[2], ARGV[2]) then
  -- A repetition writes something too, so that whoever waits for a replica waits for one that has the turn.
  redis.call('HINCRBY', KEYS[3], 'repeated', 1)
  return 0
end
push(ARGV[1], ARGV[2], ARGV[3])
trim(tonumber(ARGV[7]), tonumber(ARGV[8]))
name(ARGV[4])
list(ARGV[5], ARGV[6] * 1000)
keep(ARGV[6] * 1000)
return 1
"""

PUT = f"""
-- ARGV: conversation id, title, branched from ('' for none), pinned, trimmed, seconds to live, most turns, most bytes,
-- the mark of this call, then turn, id, row of each turn. 0 where the conversation exists and another call made it.
{_CLOCK}{_KEEP}{_TRIM}
if redis.call('EXISTS', KEYS[3]) == 1 then
  if redis.call('HGET', KEYS[3], 'put_by') ~= ARGV[9] then return 0 end
  redis.call('HINCRBY', KEYS[3], 'repeated', 1)
  return 1
end
redis.call('HSET', KEYS[3], 'put_by', ARGV[9], 'title', ARGV[2], 'pinned', ARGV[4], 'trimmed', ARGV[5])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], 'branched_from', ARGV[3]) end
for i = 10, #ARGV, 3 do push(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
trim(tonumber(ARGV[7]), tonumber(ARGV[8]))
list(ARGV[1], ARGV[6] * 1000)
keep(ARGV[6] * 1000)
return 1
"""

LOAD = f"""
-- ARGV: seconds to live, 0 for those that are not to be renewed. A life of which less than a thousandth has passed is
-- left as it is, so that most readings write nothing; one that is kept for good, or for longer, is not made shorter.
{_CLOCK}{_KEEP}
local ttl_ms = ARGV[1] * 1000
local left = redis.call('PTTL', KEYS[3])
if ttl_ms > 0 and left >= 0 and left < ttl_ms - ttl_ms / 1000 then keep(ttl_ms) end
local about = redis.call('HMGET', KEYS[3], 'title', 'pinned', 'branched_from', 'trimmed')
return {{about, redis.call('LRANGE', KEYS[1], 0, -1)}}
"""

ABOUTS = """
-- KEYS: index. ARGV: prefix of conversations, then their digests
local clock, found = redis.call('TIME'), {}
local now_us = clock[1] * 1000000 + clock[2]
for i = 2, #ARGV do
  local key = ARGV[1] .. ARGV[i]
  local row = redis.call('HMGET', key .. ':about', 'title', 'updated_us', 'pinned', 'branched_from')
  local left = redis.call('PTTL', key .. ':about')
  table.insert(row, redis.call('LLEN', key .. ':turns'))
  table.insert(row, left >= 0 and string.format('%.0f', now_us + left * 1000) or '')
  table.insert(found, row)
end
return found
"""

SET_ABOUT = f"""
-- ARGV: field, value, seconds to live; an unknown conversation stays unknown
{_CLOCK}{_KEEP}
if redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
keep(ARGV[3] * 1000)
return 1
"""

DELETE_TURN = f"""
-- ARGV: turn id, seconds to live. An encoded turn is never empty, so that the empty one is the one that was asked for.
{_CLOCK}{_KEEP}
local at = redis.call('LPOS', KEYS[2], ARGV[1])
if not at then return 0 end
local size = #redis.call('LINDEX', KEYS[1], at)
redis.call('LSET', KEYS[1], at, '')
redis.call('LREM', KEYS[1], 1, '')
redis.call('LREM', KEYS[2], 1, ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('HDEL', KEYS[5], ARGV[1])
redis.call('HINCRBY', KEYS[3], 'bytes', -size)
keep(ARGV[2] * 1000)
return 1
"""

DELETE = """
-- KEYS: index. ARGV: prefix of conversations, then digest and id of each; how many there were. UNLINK and ZREM are
-- what a server that is out of memory still does, just when deleting helps.
local count = 0
for i = 2, #ARGV, 2 do
  local key = ARGV[1] .. ARGV[i]
  count = count + redis.call('EXISTS', key .. ':about')
  redis.call('UNLINK', key .. ':turns', key .. ':ids', key .. ':about', key .. ':rows', key .. ':feedback')
  redis.call('ZREM', KEYS[1], ARGV[i + 1])
end
return count
"""

ERASED = """
-- KEYS: mark. ARGV: when (µs), seconds to live (0: for good)
redis.call('SET', KEYS[1], ARGV[1])
if tonumber(ARGV[2]) > 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
"""

FORGET_GONE = """
-- KEYS: index. ARGV: prefix, digest, id; checked again here, because an append may have come between
if redis.call('EXISTS', ARGV[1] .. ARGV[2] .. ':about') == 0 then redis.call('ZREM', KEYS[1], ARGV[3]) end
"""

SEARCH = """
-- KEYS: index. ARGV: prefix, number of words, the words, then digests of conversations. For each of those -1 when a
-- turn of it has no row yet (written by an older Colloquy), else the list of words that were said nowhere in it.
local words, found = tonumber(ARGV[2]), {}
for i = 3 + words, #ARGV do
  local key = ARGV[1] .. ARGV[i]
  local ids = redis.call('LRANGE', key .. ':ids', 0, -1)
  local missing, stale = {}, false
  for w = 1, words do missing[w] = true end
  for _, id in ipairs(ids) do
    local row = redis.call('HGET', key .. ':rows', id)
    if not row then stale = true break end
    local from = (string.find(row, '\\n', 1, true) or 0) + 1
    for w = 1, words do
      if missing[w] and string.find(row, ARGV[2 + w], from, true) then missing[w] = false end
    end
  end
  local left = {}
  for w = 1, words do if missing[w] then table.insert(left, w) end end
  table.insert(found, stale and -1 or left)
end
return found
"""

FILL_ROWS = """
-- ARGV: id and row of turns that an older Colloquy stored; those that are gone meanwhile stay gone
for i = 1, #ARGV, 2 do
  if redis.call('LPOS', KEYS[2], ARGV[i]) then redis.call('HSETNX', KEYS[4], ARGV[i], ARGV[i + 1]) end
end
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('PEXPIRE', KEYS[4], left) end
"""

GIVE = """
-- ARGV: turn id, verdict ('' takes it back)
if not redis.call('LPOS', KEYS[2], ARGV[1]) then return 0 end
if ARGV[2] == '' then redis.call('HDEL', KEYS[5], ARGV[1]) return 1 end
redis.call('HSET', KEYS[5], ARGV[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('PEXPIRE', KEYS[5], left) else redis.call('PERSIST', KEYS[5]) end
return 1
"""

SCHEMA = """
-- KEYS: schema. ARGV: the version this code writes; an older one is replaced, a newer one stays
local found = tonumber(redis.call('GET', KEYS[1]) or 0)
if found < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) return tonumber(ARGV[1]) end
return found
"""
