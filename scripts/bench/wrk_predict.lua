-- Posts the bodies of a file of lines in turn; prints the outcome as one line of JSON.
-- Arguments: the file.

local requests = {}
local at = 0

function init(arguments)
    for body in io.lines(arguments[1]) do
        local headers = { ["Content-Type"] = "application/json" }
        requests[#requests + 1] = wrk.format("POST", nil, headers, body)
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f, "max_us": %.1f, "failed": %d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.max,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
