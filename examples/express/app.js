const express = require("express");

const AUTH = process.env.AUTH || "http://127.0.0.1:5000";
const COOKIES = /(?:^|; )((?:session_id|device|__Host-device)=[^;]*)/g;
const app = express().use(express.urlencoded({ extended: false }));

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (title, body, message = "") =>
  `<!doctype html><title>${title}</title><h1>${title}</h1><p role=alert>${escape(message)}</p>${body}`;
const fields = (title) => `<form method=post><p><label>Email <input name=email type=email required></label>
<p><label>Password <input name=password type=password required></label><p><button>${title}</button></form>
<a href=/login>Log in</a> <a href=/signup>Sign up</a>`;

// Sends a request to Bienvenue on behalf of the browser.
function ask(req, method, path, body) {
  const headers = { "X-Forwarded-For": req.socket.remoteAddress };
  for (const name of ["User-Agent", "Origin", "Sec-Fetch-Site"]) if (req.get(name)) headers[name] = req.get(name);
  const cookies = [...(req.get("Cookie") || "").matchAll(COOKIES)].map((found) => found[1]);
  if (cookies.length) headers.Cookie = cookies.join("; ");
  return fetch(AUTH + path, { method, headers, body: body && new URLSearchParams(body) });
}

function form(path, title, route, next) {
  app.get(path, (req, res) => res.send(page(title, fields(title))));
  app.post(path, async (req, res) => {
    const { email = "", password = "" } = req.body;
    const answer = await ask(req, "POST", route, { email, password });
    if (answer.ok) return res.append("Set-Cookie", answer.headers.getSetCookie()).redirect(303, next);
    res.status(answer.status).send(page(title, fields(title), (await answer.json()).message));
  });
}

form("/signup", "Sign up", "/users", "/login");
form("/login", "Log in", "/sessions", "/");

app.post("/logout", async (req, res) => {
  const answer = await ask(req, "DELETE", "/sessions");
  res.append("Set-Cookie", answer.headers.getSetCookie()).redirect(303, "/login");
});

app.get("/", async (req, res) => {
  const answer = await ask(req, "GET", "/verify");
  if (answer.status === 401) return res.redirect(303, "/login");
  if (!answer.ok) return res.sendStatus(503);
  const email = escape(decodeURIComponent(answer.headers.get("Remote-Email")));
  const logout = "<form method=post action=/logout><button>Log out</button></form>";
  res.send(page(`Home of user ${answer.headers.get("Remote-User")}`, `<p>You are ${email}.</p>${logout}`));
});

app.listen(process.env.PORT || 8000, "127.0.0.1");
