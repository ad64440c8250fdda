import os
from urllib.parse import unquote

import requests
from flask import Flask, make_response, redirect, render_template_string, request

AUTH = os.environ.get("AUTH", "http://127.0.0.1:5000")
COOKIES = ("session_id", "device", "__Host-device")
PAGE = """<!doctype html><title>{{ title }}</title><h1>{{ title }}</h1><p role=alert>{{ message }}</p>
{% if email %}<p>You are {{ email }}.</p><form method=post action=/logout><button>Log out</button></form>
{% else %}<form method=post><p><label>Email <input name=email type=email required></label>
<p><label>Password <input name=password type=password required></label><p><button>{{ title }}</button></form>
<a href=/login>Log in</a> <a href=/signup>Sign up</a>{% endif %}"""
app = Flask(__name__)


def ask(method, path, fields=None):
    """Sends a request to Bienvenue on behalf of the browser."""
    headers = {name: request.headers.get(name) for name in ("User-Agent", "Origin", "Sec-Fetch-Site")}
    headers["X-Forwarded-For"] = request.remote_addr
    headers["Cookie"] = "; ".join(f"{n}={v}" for n, v in request.cookies.items() if n in COOKIES) or None
    return requests.request(method, AUTH + path, data=fields, headers=headers, timeout=10)


def pass_cookies(answer, response):
    for cookie in answer.raw.headers.getlist("Set-Cookie"):
        response.headers.add("Set-Cookie", cookie)
    return response


def form(title, path, next_page):
    if request.method == "GET":
        return render_template_string(PAGE, title=title)
    answer = ask("POST", path, {name: request.form.get(name, "") for name in ("email", "password")})
    if answer.ok:
        return pass_cookies(answer, redirect(next_page, 303))
    page = render_template_string(PAGE, title=title, message=answer.json()["message"])
    return make_response(page, answer.status_code)


@app.route("/signup", methods=["GET", "POST"])
def signup():
    return form("Sign up", "/users", "/login")


@app.route("/login", methods=["GET", "POST"])
def login():
    return form("Log in", "/sessions", "/")


@app.post("/logout")
def logout():
    return pass_cookies(ask("DELETE", "/sessions"), redirect("/login", 303))


@app.get("/")
def home():
    answer = ask("GET", "/verify")
    if answer.status_code == 401:
        return redirect("/login", 303)
    answer.raise_for_status()
    user_id, email = answer.headers["Remote-User"], unquote(answer.headers["Remote-Email"])
    return render_template_string(PAGE, title=f"Home of user {user_id}", email=email)
