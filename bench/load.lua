-- wrk's script: asks for one operation again and again. Knows requests and counts; what they are, it is told by its environment:
--   BENCH_LOAD   a file of lines: first person, how many there are, where among them to begin, "chance" or "turn", lag, "check" or
--                "trust"; then for each request: method, path, body (may be empty), status, text that the answer must contain, how many
--                headers, and of each its name and value
-- Prints one line of JSON at the end.

local threads = {}

function setup(thread)
  thread:set("lane", #threads)
  table.insert(threads, thread)
end

local function read(name)
  local lines = {}
  for line in io.lines(name) do lines[#lines + 1] = line end
  local plan = {
    first = tonumber(lines[1]), span = tonumber(lines[2]), offset = tonumber(lines[3]), chance = lines[4] == "chance",
    lag = tonumber(lines[5]), check = lines[6] == "check", requests = {},
  }
  local at = 7
  while at <= #lines do
    local wanted = {
      method = lines[at], path = lines[at + 1], body = lines[at + 2], status = tonumber(lines[at + 3]), shows = lines[at + 4],
      headers = {}, numbered = {},
    }
    for header = at + 6, at + 4 + 2 * tonumber(lines[at + 5]), 2 do
      local name, value = lines[header], lines[header + 1]
      wanted.headers[name] = value
      if value:find("NUMBER", 1, true) then wanted.numbered[name] = value end
    end
    at = at + 6 + 2 * tonumber(lines[at + 5])
    plan.requests[#plan.requests + 1] = wanted
  end
  return plan
end

local plan
local ended, turn = 0, 0
begun, bad, sample = 0, 0, ""        -- global: `done` reads them

function init(args)
  plan = read(os.getenv("BENCH_LOAD"))
  lanes = tonumber(args[1])
  math.randomseed(plan.offset + lane * 7919)
  if plan.check then response = look end
end

local function ask(which, number)
  local wanted = plan.requests[which]
  local body = wanted.body ~= "" and wanted.body:gsub("NUMBER", number) or nil
  for name, value in pairs(wanted.numbered) do wanted.headers[name] = value:gsub("NUMBER", number) end
  return wrk.format(wanted.method, (wanted.path:gsub("NUMBER", number)), wanted.headers, body)
end

-- The person of a lane's turn. Lanes never meet.
local function nth(n)
  return string.format("%d", plan.first + (plan.offset + n * lanes + lane) % plan.span)
end

function request()
  if plan.chance then return ask(1, string.format("%d", plan.first + math.random(0, plan.span - 1))) end
  turn = turn + 1
  -- What undoes a request follows it by `lag` others, so that the first has been answered when the second is sent.
  if #plan.requests == 2 and begun - ended >= plan.lag and turn % 2 == 0 then
    ended = ended + 1
    return ask(2, nth(ended - 1))
  end
  begun = begun + 1
  return ask(1, nth(begun - 1))
end

function look(status, _, body)
  body = body or ""
  local first, last = plan.requests[1], plan.requests[#plan.requests]
  local good = status == first.status and (body:find(first.shows, 1, true) or body:find(last.shows, 1, true))
  if not good then
    bad = bad + 1
    sample = status .. " " .. body:sub(1, 300)
  end
end

function done(summary, latency)
  local most, wrong, example = 0, 0, ""
  for _, thread in ipairs(threads) do
    most = math.max(most, thread:get("begun"))
    wrong = wrong + thread:get("bad")
    if thread:get("sample") ~= "" then example = thread:get("sample") end
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50": %d, "p99": %d, "bad": %d, "status": %d, "socket": %d, "begun": %d, "sample": "%s"}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), wrong, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, most,
    (example:gsub('[%c"\\]', " "))))
end
