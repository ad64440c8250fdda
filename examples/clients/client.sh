#!/bin/sh
# The API of Bienvenue with curl: register, log in, ask who is logged in, log out.
# Usage: client.sh http://localhost:5000 bob@example.org
set -eu
service=$1
email=$2
jar=$(mktemp)
trap 'rm -f "$jar"' EXIT
request() { curl --silent --show-error --fail-with-body --cookie "$jar" --cookie-jar "$jar" "$@"; }

request "$service/users" --data-urlencode "email=$email" -d password=correct-horse >/dev/null
request "$service/sessions" --data-urlencode "email=$email" -d password=correct-horse >/dev/null
request "$service/profile"
request -X DELETE "$service/sessions"
curl --silent --output /dev/null --write-out '%{http_code}\n' --cookie "$jar" "$service/profile"
