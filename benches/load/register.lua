-- Each request registers a new user. Prints p50, p99 and the number of answers other than 201.
local counter, thread_id = 0, 0

function setup(thread)
   thread:set("id", thread_id)
   thread_id = thread_id + 1
end

function init(args)
   math.randomseed(os.time() + id)
   run = math.random(1, 1000000000)
end

function request()
   counter = counter + 1
   local body = "email=u" .. run .. "." .. id .. "." .. counter .. "@example.org&password=bob_pwd"
   return wrk.format("POST", "/users", { ["Content-Type"] = "application/x-www-form-urlencoded" }, body)
end

refused = 0
function response(status)
   if status ~= 201 then refused = refused + 1 end
end
