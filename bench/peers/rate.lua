-- wrk's script: a mix of requests at a steady rate. Knows when each request is due; what it is, its environment tells:
--   BENCH_MIX    a file of lines, five for each kind: weight, method, path, body (may be empty), status. NUMBER stands for a person,
--                FRESH for one whom nobody has yet.
--   BENCH_TOKEN, BENCH_RATE (requests a second of all threads), BENCH_PEOPLE (first and how many), BENCH_FRESH (first of the fresh)
-- The time of a request counts from when it was due, not from when it was sent: a server that makes the clients wait does not thereby
-- get fewer requests. Prints one line of JSON at the end.

local ffi = require("ffi")
ffi.cdef [[ typedef struct { long seconds; long nanos; } moment; int clock_gettime(int clock, moment *now); ]]

local threads = {}

function setup(thread)
  thread:set("lane", #threads)
  table.insert(threads, thread)
end

local now_is = ffi.new("moment")
local function now()
  ffi.C.clock_gettime(1, now_is)
  return tonumber(now_is.seconds) * 1000 + tonumber(now_is.nanos) / 1e6
end

local kinds, total, headers, began, every, fresh = {}, 0, nil, nil, nil, 0
local turns, sent, answered = 0, 0, 0
late, bad, sample = {}, 0, ""        -- global: `done` reads them

function init(args)
  local lines = {}
  for line in io.lines(os.getenv("BENCH_MIX")) do lines[#lines + 1] = line end
  for at = 1, #lines, 5 do
    total = total + tonumber(lines[at])
    kinds[#kinds + 1] = { upto = total, method = lines[at + 1], path = lines[at + 2], body = lines[at + 3], status = tonumber(lines[at + 4]) }
  end
  lanes = tonumber(args[1])
  every = 1000 * lanes / tonumber(os.getenv("BENCH_RATE"))
  first, span = os.getenv("BENCH_PEOPLE"):match("(%d+) (%d+)")
  first, span = tonumber(first), tonumber(span)
  fresh = tonumber(os.getenv("BENCH_FRESH")) + lane
  headers = { ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"), ["Content-Type"] = "application/scim+json" }
  math.randomseed(lane * 7919 + 1)
end

-- When each request is due. wrk does not say which one it sends or which is answered, so both are taken in their order.
local due = {}

-- A connection that has nothing to do takes the next turn, and waits for it.
function delay()
  began = began or now()
  turns = turns + 1
  due[turns] = began + turns * every
  return math.max(0, math.ceil(due[turns] - now()))
end

function request()
  sent = sent + 1
  local chosen, kind = math.random() * total, kinds[#kinds]
  for _, one in ipairs(kinds) do
    if chosen < one.upto then kind = one break end
  end
  local number = string.format("%d", first + math.random(0, span - 1))
  local path, body = kind.path:gsub("NUMBER", number), kind.body:gsub("NUMBER", number)
  if body:find("FRESH", 1, true) or path:find("FRESH", 1, true) then
    path, body = path:gsub("FRESH", string.format("%d", fresh)), body:gsub("FRESH", string.format("%d", fresh))
    fresh = fresh + lanes
  end
  return wrk.format(kind.method, path, headers, body ~= "" and body or nil)
end

function response(status, _, body)
  answered = answered + 1
  late[answered] = string.format("%d", math.max(0, math.floor((now() - due[answered]) * 1000)))
  due[answered] = nil
  if status >= 400 then
    bad = bad + 1
    sample = status .. " " .. (body or ""):sub(1, 200)
  end
end

function done(summary, _, _)
  local all, wrong, example = {}, 0, ""
  for _, thread in ipairs(threads) do
    for _, micros in pairs(thread:get("late")) do all[#all + 1] = tonumber(micros) end
    wrong = wrong + thread:get("bad")
    if thread:get("sample") ~= "" then example = thread:get("sample") end
  end
  table.sort(all)
  local at = function(share) return all[math.max(1, math.ceil(#all * share))] or 0 end
  local errors = summary.errors
  io.write(string.format('\n{"requests": %d, "seconds": %.3f, "p50": %d, "p99": %d, "bad": %d, "socket": %d, "sample": "%s"}\n',
    #all, summary.duration / 1e6, at(0.5), at(0.99), wrong, errors.connect + errors.read + errors.write + errors.timeout,
    (example:gsub('[%c"\\]', " "))))
end
