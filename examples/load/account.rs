//! An account, and the requests that register it and log in.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;

use crate::connection::{Answer, Connection};

pub(crate) struct Account {
    address: SocketAddr,
    form: String,
}

impl Account {
    /// The password of all accounts.
    pub(crate) const PASSWORD: &'static str = "in-a-storm-of-logins";

    /// Registers an account, unless an earlier run has registered it.
    pub(crate) async fn open(address: SocketAddr, name: &str) -> Result<Self, Box<dyn Error>> {
        let form = format!("email={name}@example.org&password={}", Self::PASSWORD);
        let account = Self { address, form };
        let answer = account.insist(&account.post("/users")).await?;
        let known = String::from_utf8_lossy(&answer.body).contains("already registered");
        if answer.status == 201 || answer.status == 400 && known {
            return Ok(account);
        }
        Err(refusal("register", &answer))
    }

    /// Logs in and returns the session cookie.
    pub(crate) async fn cookie(&self) -> Result<String, Box<dyn Error>> {
        let answer = self.insist(&self.log_in()).await?;
        if answer.status != 200 {
            return Err(refusal("log in", &answer));
        }
        let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let session = body.get("session_id").and_then(|id| id.as_str());
        Ok(format!("session_id={}", session.ok_or("no session_id")?))
    }

    /// The bytes of a login request.
    pub(crate) fn log_in(&self) -> Vec<u8> {
        self.post("/sessions")
    }

    fn post(&self, path: &str) -> Vec<u8> {
        let Self { address, form } = self;
        let length = form.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{form}"
        )
        .into_bytes()
    }

    /// Repeats a request, as `Retry-After` says, until the answer is not 503.
    async fn insist(&self, request: &[u8]) -> Result<Answer, Box<dyn Error>> {
        let mut connection = Connection::open(self.address).await?;
        loop {
            let answer = connection.exchange(request).await?;
            if answer.status != 503 {
                return Ok(answer);
            }
            sleep(answer.retry_after.unwrap_or(Duration::from_secs(1))).await;
        }
    }
}

fn refusal(what: &str, answer: &Answer) -> Box<dyn Error> {
    let body = String::from_utf8_lossy(&answer.body);
    format!("cannot {what}: {} {body}", answer.status).into()
}
