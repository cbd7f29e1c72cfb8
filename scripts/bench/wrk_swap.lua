-- Posts one body again and again and checks in every answer that the score is that of the version that
-- claims it: version n's score is the base given plus n. Prints the outcome as one line of JSON.
-- Arguments: the file with the body, the base.

local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init(arguments)
    local file = assert(io.open(arguments[1]))
    local body = file:read("*l")
    file:close()
    base = tonumber(arguments[2])
    answered, unreadable, disagreeing, changes, last, highest = 0, 0, 0, 0, 0, 0
    message = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end

function request()
    return message
end

function response(status, headers, body)
    if status ~= 200 then return end
    answered = answered + 1
    local score = tonumber(string.match(body, '"prediction":%s*%[%s*([%d%.eE+-]+)') or "")
    local version = tonumber(string.match(body, '"model_version":%s*"(%d+)"') or "")
    if not score or not version then
        unreadable = unreadable + 1
        return
    end
    if math.abs(score - base - version) > 0.25 then disagreeing = disagreeing + 1 end
    if version ~= last then
        changes = changes + 1
        last = version
    end
    if version > highest then highest = version end
end

function done(summary, latency)
    local errors = summary.errors
    local sums = { answered = 0, unreadable = 0, disagreeing = 0, changes = 0, highest = 0 }
    for _, thread in ipairs(threads) do
        for name, sum in pairs(sums) do sums[name] = sum + thread:get(name) end
    end
    io.write(string.format(
        '\n{"requests": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f, "max_us": %.1f, "failed": %d, ',
        summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
        latency.max, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
    io.write(string.format(
        '"answered": %d, "unreadable": %d, "disagreeing": %d, "changes": %d, "highest": %d}\n',
        sums.answered, sums.unreadable, sums.disagreeing, sums.changes, sums.highest))
end
