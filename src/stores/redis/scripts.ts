import { TOMBSTONE_MS } from '../decisions.ts'
import { FIELDS, REPLACED } from './fields.ts'
import { Script } from './script.ts'

/** Lua has no lists of its own in a text: quoted names, separated by commas. */
const list = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(',')

/**
 * What the scripts have in common. The first key is the grant's, the second its bucket's due index; the first argument is the
 * grant's name there. As long as there is a lease, its intent is there and open. Numbers are integers below 2^53, written without exponents; what is sealed or named is never looked into.
 */
const COMMON = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local function answer(outcome)
  local record = redis.call('HMGET', KEYS[1], ${list(FIELDS)})
  return {outcome, whole(now), record[1] and record}
end
local function read()
  local values = redis.call('HMGET', KEYS[1], ${list(FIELDS)})
  local fields = {}
  for index, name in ipairs({${list(FIELDS)}}) do fields[name] = values[index] or nil end
  return fields
end
local function set(...) redis.call('HSET', KEYS[1], ...) end
local function rest(from)
  local values = {}
  for index = from, #ARGV do values[#values + 1] = ARGV[index] end
  return values
end
-- Every write comes here, and so ends a worker's reservation.
local function index_due()
  local fields = read()
  if fields.state == 'active' and fields.refresh_after then
    local since = math.max(fields.refresh_after, fields.failure_not_before or 0, fields.lease_until or 0, 0)
    redis.call('ZADD', KEYS[2], whole(since), ARGV[1])
  else
    redis.call('ZREM', KEYS[2], ARGV[1])
  end
end
local function bury(id)
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', whole(now))
  redis.call('ZADD', KEYS[4], whole(now + ${TOMBSTONE_MS}), id)
  redis.call('PEXPIRE', KEYS[4], ${TOMBSTONE_MS})
end
`

export const read: Script = new Script(`${COMMON}
return answer(1)`)

/** Of some grants of one bucket. */
export const records: Script = new Script(`
local found = {}
for index, key in ipairs(KEYS) do found[index] = redis.call('HMGET', key, ${list(FIELDS)}) end
return found`)

/** `decideClaim` in Lua; a claim that is not granted is answered with the record, of which the caller says why. */
export const claim: Script = new Script(`${COMMON}
local _, id, version, owner, lease_ms, settle_ms, repeat_within_ms, force, send_within_ms, hash = unpack(ARGV)
local grant = read()
if grant.id ~= id or grant.version ~= version then return answer(0) end
local open = grant.intent_open == '1'
local own = grant.lease_owner == owner
local takeover
if own then
  takeover = grant.intent_ever_unknown == '1'
  if hash then set('intent_hash', hash, 'intent_send_before', whole(now + send_within_ms)) end
else
  if not hash then return answer(0) end
  if grant.lease_until and tonumber(grant.lease_until) > now then return answer(0) end
  if open then
    local forgiven = now >= tonumber(grant.intent_started_at) and now < grant.intent_started_at + repeat_within_ms
    if not forgiven and grant.intent_send_before + settle_ms > now then return answer(0) end
  end
  local not_before = tonumber(grant.failure_not_before or 0)
  if not_before > now and (force == '0' or grant.failure_mandatory == '1') then return answer(0) end
  takeover = open
  local carries_on = open or (grant.intent_ever_unknown == '1' and grant.intent_hash == hash)
  set(
    'intent_started_at', carries_on and grant.intent_started_at or whole(now),
    'intent_send_before', whole(now + send_within_ms),
    'intent_attempt', carries_on and whole(grant.intent_attempt + 1) or '1',
    'intent_hash', hash,
    'intent_open', '1',
    'intent_ever_unknown', carries_on and '1' or '0'
  )
end
set('lease_owner', owner, 'lease_until', whole(now + lease_ms))
index_due()
return answer(takeover and 2 or 1)`)

export const commit: Script = new Script(`${COMMON}
local grant = read()
if grant.id ~= ARGV[2] or grant.version ~= ARGV[3] then return answer(0) end
redis.call('HDEL', KEYS[1], ${list(REPLACED)})
set('version', whole(grant.version + 1), 'updated_at', whole(now), unpack(rest(4)))
index_due()
return answer(1)`)

export const verdict: Script = new Script(`${COMMON}
local grant = read()
if grant.id ~= ARGV[2] or grant.version ~= ARGV[3] or grant.lease_owner ~= ARGV[4] then return answer(0) end
redis.call('HDEL', KEYS[1], 'lease_owner', 'lease_until')
set('intent_open', '0', 'version', whole(grant.version + 1), 'state', 'reauthorization_required', 'reason', ARGV[5], 'updated_at', whole(now))
index_due()
return answer(1)`)

export const release: Script = new Script(`${COMMON}
local _, owner, unknown, settled = unpack(ARGV)
local grant = read()
if grant.lease_owner ~= owner then return 0 end
redis.call('HDEL', KEYS[1], 'lease_owner', 'lease_until')
set('intent_open', unknown == '1' and settled == '0' and '1' or '0')
if unknown == '1' then set('intent_ever_unknown', '1') end
if #ARGV > 4 then set(unpack(rest(5))) end
index_due()
return 1`)

export const put: Script = new Script(`${COMMON}
local _, id, expected, expected_id, expected_version = unpack(ARGV)
local grant = read()
if grant.id == id then return answer(1) end
local buried = redis.call('ZSCORE', KEYS[4], id)
if buried and tonumber(buried) > now then return answer(0) end
if expected == 'nothing' and grant.id then return answer(0) end
if expected == 'version' and (grant.id ~= expected_id or grant.version ~= expected_version) then return answer(0) end
if grant.id then bury(grant.id) end
redis.call('DEL', KEYS[1])
set('id', id, 'version', whole((grant.version or 0) + 1), 'created_at', whole(now), 'updated_at', whole(now), unpack(rest(6)))
redis.call('ZADD', KEYS[3], 0, ARGV[1])
index_due()
return answer(1)`)

export const reseal: Script = new Script(`${COMMON}
local grant = read()
if grant.id ~= ARGV[2] or grant.sealed ~= ARGV[3] then return 0 end
set('sealed', ARGV[4])
index_due()
return 1`)

export const remove: Script = new Script(`${COMMON}
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
bury(ARGV[2])
return 1`)

/** What is over is removed by the server itself, a little later: the value says when it is over. */
const LINGER_MS = 60_000

export const once: Script = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen = redis.call('GET', KEYS[1])
if seen and tonumber(seen) > now then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', now + ARGV[1]), 'PX', string.format('%.0f', ARGV[1] + ${LINGER_MS}))
return 1`)

/** One page of a bucket's members. */
export const page: Script = new Script(`
return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])`)

/** The server's time. Its key only names a node. */
export const clock: Script = new Script(`
local time = redis.call('TIME')
return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))`)

/** The first due members of each of these buckets, each followed by since when. */
export const due: Script = new Script(`
local found = {}
for index, key in ipairs(KEYS) do
  found[index] = redis.call('ZRANGEBYSCORE', key, '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
end
return found`)

/**
 * Those of these grants that are still due and not of a newer form, which it reserves when there is a time for that; a grant's key comes
 * after that of its bucket's due index.
 */
export const take: Script = new Script(`
local before, till, schema = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local found = {}
for index = 1, #KEYS / 2 do
  local due, member = KEYS[2 * index - 1], ARGV[index + 3]
  local since = redis.call('ZSCORE', due, member)
  local record = redis.call('HMGET', KEYS[2 * index], ${list(FIELDS)})
  local free = since and tonumber(since) <= before and tonumber(record[3] or 'inf') <= schema
  if free and till ~= '' then redis.call('ZADD', due, till, member) end
  found[index] = free and record
end
return found`)
