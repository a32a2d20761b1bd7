import { CHANGES_KEPT_MS } from '../changes.ts'

// Numbers are integers below 2^53, written without exponents. No script reads an entry, a sealed text or a change.

const CLOCK = `
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))`

/** Maximum number of changes and ended rows that one swap removes: the server does nothing else at that time. */
const REMOVED_AT_ONCE = 10

/** Returns the value of the first key, which is set to the given one if it is missing. */
export const keep: string = `
local value = redis.call('GET', KEYS[1])
if value then return value end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]`

export const read: string = `${CLOCK}
return {now, redis.call('HMGET', KEYS[1], 'revision', 'entry', 'sealed')}`

/** Returns the time, and the row if nothing was written. The keys are those of a row's bucket, the row's own first. */
export const swap: string = `${CLOCK}
local key, from, to, not_after, entry, change, due_at, ends_at, schema, state, same, dead, sealed = unpack(ARGV)
local other = (redis.call('HGET', KEYS[1], 'revision') or '') ~= from
if other or (not_after ~= '' and tonumber(now) > tonumber(not_after)) then
  return {now, redis.call('HMGET', KEYS[1], 'revision', 'entry', 'sealed')}
end
local function place(set, there, score)
  if there then redis.call('ZADD', KEYS[set], score, key) else redis.call('ZREM', KEYS[set], key) end
end
redis.call('HSET', KEYS[1], 'revision', to, 'entry', entry, 'due', due_at)
if sealed then redis.call('HSET', KEYS[1], 'sealed', sealed) end
place(2, due_at ~= '', due_at)
if same == '0' then
  redis.call('HSET', KEYS[1], 'schema', schema, 'state', state)
  place(3, state ~= '', '0')
  place(4, dead == '1', '0')
  place(5, state ~= '' and ends_at ~= '', ends_at)
  if ends_at == '' then redis.call('PERSIST', KEYS[1])
  else redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ends_at - now)) end
  for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now, 'LIMIT', 0, ${REMOVED_AT_ONCE})) do
    for set = 3, 5 do redis.call('ZREM', KEYS[set], ended) end
  end
end
if change ~= '' then
  local id = redis.call('XADD', KEYS[6], '*', 'change', change)
  local kept = string.format('%.0f', string.match(id, '%d+') - ${CHANGES_KEPT_MS} - 1)
  for _, old in ipairs(redis.call('XRANGE', KEYS[6], '-', kept, 'COUNT', ${REMOVED_AT_ONCE})) do
    redis.call('XDEL', KEYS[6], old[1])
    redis.call('SET', KEYS[7], old[1])
  end
end
return {now}`

/** Returns the time, and the first due rows' keys of each of these sorted sets, each followed by its due time. */
export const due: string = `${CLOCK}
local found = {}
for index, set in ipairs(KEYS) do
  found[index] = {now, redis.call('ZRANGEBYSCORE', set, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])}
end
return found`

/**
 * Returns those of these rows that are still due and of no newer schema. Reserves them if a time is given. A row's key
 * follows that of its bucket's sorted set. An evicted or lost row is not due.
 */
export const take: string = `
local before, till, schema = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local found = {}
for index = 1, #KEYS / 2 do
  local set, key = KEYS[2 * index - 1], ARGV[index + 3]
  local row = redis.call('HMGET', KEYS[2 * index], 'revision', 'entry', 'sealed', 'schema')
  if not row[1] then redis.call('ZREM', set, key) end
  local since = redis.call('ZSCORE', set, key)
  local free = since and tonumber(since) <= before and (tonumber(row[4]) or schema + 1) <= schema
  if free and till ~= '' then redis.call('ZADD', set, till, key) end
  found[index] = free and row
end
return found`

/** Returns the first members of a range of each of these sorted sets. */
export const keys: string = `
local found = {}
for index, set in ipairs(KEYS) do
  found[index] = redis.call('ZRANGEBYLEX', set, ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
end
return found`

/**
 * Returns, for each pair of sorted sets, how many members each has in a range, and the first's first member of another
 * range.
 */
export const count: string = `
local found = {}
for index = 1, #KEYS / 2 do
  local list = KEYS[2 * index - 1]
  local all = redis.call('ZLEXCOUNT', list, ARGV[1], ARGV[2])
  local part = redis.call('ZLEXCOUNT', KEYS[2 * index], ARGV[1], ARGV[2])
  found[index] = {all, part, redis.call('ZRANGEBYLEX', list, ARGV[3], ARGV[4], 'LIMIT', 0, 1)}
end
return found`

export const rows: string = `
local found = {}
for index, key in ipairs(KEYS) do
  found[index] = redis.call('HMGET', key, 'revision', 'entry', 'sealed', 'state', 'due')
end
return found`

/**
 * Returns, for each of these streams, its last id, the highest removed id (the key after its own), and its entries from
 * an id on.
 */
export const changes: string = `
local found = {}
for index = 1, #KEYS / 2 do
  local stream = KEYS[2 * index - 1]
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  local entries = redis.call('XRANGE', stream, ARGV[index + 1], '+', 'COUNT', ARGV[1])
  found[index] = {last and last[1] or false, redis.call('GET', KEYS[2 * index]), entries}
end
return found`
