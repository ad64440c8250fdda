-- Asks Bienvenue about each request to an application, for HAProxy 2.6 or later (Lua is in Debian's
-- package). app.cfg says how to install it.
--
-- The action `bienvenue` takes the address of the service and the URL of the application:
--     http-request lua.bienvenue 127.0.0.1:5000 https://app.example.org
-- It sets txn.bienvenue to `allowed` where the request may pass on, and answers it otherwise.

-- Identity headers. Many applications treat Remote_User as Remote-User.
local IDENTITY = "^remote[-_]"
-- What the service tells the application.
local PASSED = { "remote-user", "remote-email", "remote-groups", "remote-auth-level" }
-- What the service needs to know of the client's request.
local ASKED = { "cookie", "accept", "sec-fetch-mode" }
-- What the client gets of the service's answer.
local ANSWERED = { "location", "set-cookie", "content-type", "cache-control", "bienvenue-error" }

local function answer(txn, response)
    local reply = txn:reply()
    if response == nil or response.status == nil or response.status == 0 then
        reply:set_status(503)
        txn:done(reply)
    end
    reply:set_status(response.status)
    for _, name in ipairs(ANSWERED) do
        for _, value in pairs(response.headers[name] or {}) do
            reply:add_header(name, value)
        end
    end
    reply:set_body(response.body or "")
    txn:done(reply)
end

core.register_action("bienvenue", { "http-req" }, function(txn, service, origin)
    local sent = txn.http:req_get_headers()
    local asked = {
        ["x-forwarded-for"] = { txn.sf:src() },
        ["x-original-url"] = { origin .. txn.sf:pathq() },
    }
    for _, name in ipairs(ASKED) do
        local values = {}
        for _, value in pairs(sent[name] or {}) do
            table.insert(values, value)
        end
        if #values > 0 then
            asked[name] = values
        end
    end
    -- The service's own paths on this host: the end of a login, and the logout.
    local path = txn.sf:path()
    local own = path:find("^/%.bienvenue/") ~= nil
    local target = own and txn.sf:pathq() or "/verify/redirect"
    local response = core.httpclient():get({
        url = "http://" .. service .. target,
        headers = asked,
        timeout = 5000,
    })
    if own or response == nil or response.status ~= 200 then
        answer(txn, response)
    end
    for name in pairs(sent) do
        if name:lower():find(IDENTITY) then
            txn.http:req_del_header(name)
        end
    end
    for _, name in ipairs(PASSED) do
        for _, value in pairs(response.headers[name] or {}) do
            txn.http:req_set_header(name, value)
        end
    end
    txn:set_var("txn.bienvenue", "allowed")
end, 2)
