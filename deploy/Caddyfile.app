# The application at https://app.example.org behind Bienvenue, for Caddy 2.6 or later.
# Replace 127.0.0.1:8080 with the address of the application. Only Caddy may reach it.

app.example.org {
	# `route` keeps the directives in this order.
	route {
		# Identity headers from the client. Many applications treat Remote_User as Remote-User.
		request_header -Remote*
		# Caddy removes the headers that Connection names, and would remove the real ones.
		@hides header_regexp Connection (?i)remote
		request_header @hides -Connection
		# Caddy writes X-Forwarded-For, -Proto and -Host itself. These it would pass on.
		request_header -Forwarded
		request_header -X-Original-Url

		# The end of a login on this host, and /.bienvenue/logout, to which the application may
		# link.
		handle /.bienvenue/* {
			reverse_proxy 127.0.0.1:5000
		}

		# The application. Without a login, the service redirects browsers to the login page, and
		# without access to the page that says so; programs get 401 and 403.
		handle {
			forward_auth 127.0.0.1:5000 {
				uri /verify/redirect
				copy_headers Remote-User Remote-Email Remote-Groups Remote-Auth-Level
			}
			reverse_proxy 127.0.0.1:8080
		}
	}
}
