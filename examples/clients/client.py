"""The API of Bienvenue with Python's requests: register, log in, ask who is logged in, log out.

Usage: python3 client.py http://localhost:5000 bob@example.org
"""

import sys

import requests

service, email = sys.argv[1:]
credentials = {"email": email, "password": "correct-horse"}
client = requests.Session()  # It keeps the cookie.

client.post(f"{service}/users", data=credentials).raise_for_status()
client.post(f"{service}/sessions", data=credentials).raise_for_status()
print(client.get(f"{service}/profile").json()["email"])
client.delete(f"{service}/sessions", allow_redirects=False).raise_for_status()
print(client.get(f"{service}/profile").status_code)
