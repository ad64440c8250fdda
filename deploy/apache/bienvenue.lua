-- Asks Bienvenue about each request to an application, for Apache 2.4 with mod_lua and LuaSocket
-- (Debian: apache2 and lua-socket). app.conf says how to install it.
--
-- Apache answers 500 where this script fails, so that no request passes on then.

local socket = require "socket"

-- What the service tells the application.
local PASSED = { "Remote-User", "Remote-Email", "Remote-Groups", "Remote-Auth-Level" }
-- What the service needs to know of the client's request.
local ASKED = { "Cookie", "Accept", "Sec-Fetch-Mode" }
-- What the client gets of the service's answer. Apache itself sends Location and Content-Type.
local ANSWERED = { "cache-control", "bienvenue-error" }
local PATIENCE = 5

-- Sends a request without a body, and returns the status, the headers and the body.
local function ask(service, target, headers)
    local host, port = service:match("^(.*):(%d+)$")
    local connection = assert(socket.tcp())
    connection:settimeout(PATIENCE)
    assert(connection:connect(host:gsub("[%[%]]", ""), tonumber(port)))
    local lines = { "GET " .. target .. " HTTP/1.1", "Host: " .. service, "Connection: close" }
    for name, value in pairs(headers) do
        assert(not value:find("[\r\n]"), "a header has a line break")
        table.insert(lines, name .. ": " .. value)
    end
    assert(connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n"))
    local status = tonumber(assert(connection:receive("*l")):match("^HTTP/1%.1 (%d%d%d)"))
    assert(status, "the service gives no HTTP answer")
    local answer = {}
    for line in function() return assert(connection:receive("*l")) end do
        local name, value = line:match("^([^:]+):%s*(.-)%s*$")
        if not name then
            break
        end
        name = name:lower()
        answer[name] = answer[name] or {}
        table.insert(answer[name], value)
    end
    connection:close()
    return status, answer
end

-- The hook of a virtual host (LuaHookAccessChecker). Its variables are set in app.conf.
function check(r)
    local service = assert(r.subprocess_env["BIENVENUE_SERVICE"], "BIENVENUE_SERVICE is not set")
    local origin = assert(r.subprocess_env["BIENVENUE_ORIGIN"], "BIENVENUE_ORIGIN is not set")
    -- The client's own spelling of the path, as the application gets it.
    local target = r.unparsed_uri
    if target:sub(1, 1) ~= "/" then
        return 400
    end
    local asked = { ["X-Forwarded-For"] = r.useragent_ip, ["X-Original-URL"] = origin .. target }
    for _, name in ipairs(ASKED) do
        asked[name] = r.headers_in[name]
    end
    -- The service's own paths on this host: the end of a login, and the logout.
    local is_own = target:find("^/%.bienvenue/") ~= nil
    local status, answer = ask(service, is_own and target or "/verify/redirect", asked)
    if is_own or status ~= 200 then
        for _, name in ipairs(ANSWERED) do
            for _, value in ipairs(answer[name] or {}) do
                r.err_headers_out[name] = value
            end
        end
        for _, value in ipairs(answer["set-cookie"] or {}) do
            r.err_headers_out["Set-Cookie"] = value
        end
        if answer["location"] then
            r.headers_out["Location"] = answer["location"][1]
        end
        return status == 200 and 404 or status
    end
    -- Identity headers from the client. Many applications treat Remote_User as Remote-User. Apache
    -- removes the headers that Connection names, and would remove the real ones.
    for name, value in pairs(r:headers_in_table()) do
        local is_named = name:lower() == "connection" and value:lower():find("remote")
        if name:lower():find("^remote[-_]") or is_named then
            r.headers_in[name] = nil
        end
    end
    for _, name in ipairs(PASSED) do
        r.headers_in[name] = (answer[name:lower()] or {})[1]
    end
    return apache2.DECLINED
end
