// The API of Bienvenue with JavaScript's fetch: register, log in, ask who is logged in, log out.
// Usage: node client.mjs http://localhost:5000 bob@example.org
const [service, email] = process.argv.slice(2);
const body = new URLSearchParams({ email, password: 'correct-horse' });

async function request(path, options) {
  const answer = await fetch(service + path, { redirect: 'manual', ...options });
  if (answer.status >= 400) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

await request('/users', { method: 'POST', body });
const login = await request('/sessions', { method: 'POST', body });
// Outside a browser, fetch keeps no cookies.
const headers = { cookie: login.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ') };
console.log((await (await request('/profile', { headers })).json()).email);
await request('/sessions', { method: 'DELETE', headers });
console.log((await fetch(`${service}/profile`, { headers })).status);
