-- SPDX-License-Identifier: Apache-2.0
-- wrk(1): the requests that the environment names, in random order, and what came of them as key=value.
--   BENCH_METHOD, BENCH_TOKEN; BENCH_BODY for all, or "" ; BENCH_PATHS: a file with a path a line

local requests, count = {}, 0

function init()
    local headers = { Authorization = "Bearer " .. os.getenv("BENCH_TOKEN") }
    local body = os.getenv("BENCH_BODY")
    if body == "" then
        body = nil
    else
        headers["Content-Type"] = "application/json"
    end
    headers["Host"] = wrk.headers["Host"]
    for path in io.lines(os.getenv("BENCH_PATHS")) do
        count = count + 1
        requests[count] = wrk.format(os.getenv("BENCH_METHOD"), path, headers, body)
    end
    math.randomseed(1)
end

function request()
    return requests[math.random(count)]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("requests=%d\nmicroseconds=%d\nbytes=%d\np50=%d\np99=%d\nrefused=%d\nbroken=%d\n",
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
