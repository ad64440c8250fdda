//! Logins by passkey alone, by a software authenticator with Ed25519 keys. It can run beside a
//! storm of logins by password.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::account::Account;
use crate::connection::Connection;
use crate::times::Times;

/// The service has to run with `--public-url http://localhost:PORT`.
const RP_ID: &str = "localhost";
/// The user was present and verified.
const FLAGS: u8 = 0x05;
/// What follows is a credential.
const HAS_CREDENTIAL: u8 = 0x40;
/// A map of three entries up to its last key: no attestation.
const ATTESTATION: &[u8] = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58";
/// A public key for Ed25519 up to its 32 bytes.
const PUBLIC_KEY: [u8; 10] = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];

/// A passkey and its user.
struct Passkey {
    id: [u8; 16],
    key: Ed25519KeyPair,
    user_handle: String,
    origin: String,
}

pub(crate) fn run(
    address: SocketAddr,
    clients: usize,
    window: Duration,
) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(address, clients, window))
}

async fn measure(
    address: SocketAddr,
    clients: usize,
    window: Duration,
) -> Result<(), Box<dyn Error>> {
    let mut passkeys = Vec::new();
    for number in 0..clients {
        passkeys.push(Passkey::register(address, number).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for passkey in passkeys {
        let connection = Connection::open(address).await?;
        tasks.spawn(log_in_until(passkey, connection, start + window));
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    while let Some(ended) = tasks.join_next().await {
        let (of_client, failures) = ended?;
        times.extend(of_client);
        failed += failures;
    }
    let times: Times = times.into_iter().collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of logins")]
    let rate = times.len() as f64 / window.as_secs_f64();
    println!("{clients} clients log in by passkey for {window:?}");
    println!("logins         {rate:.0}/s, {failed} failed");
    println!(
        "login          p50 {}, p99 {}, max {} (options and login together)",
        times.at(500),
        times.at(990),
        times.at(1000)
    );
    Ok(())
}

/// One client in a closed loop: the times of its logins, and how many failed.
async fn log_in_until(
    passkey: Passkey,
    mut connection: Connection,
    end: Instant,
) -> (Vec<Duration>, usize) {
    let (mut times, mut failed) = (Vec::new(), 0);
    while Instant::now() < end {
        let sent = Instant::now();
        match passkey.log_in(&mut connection).await {
            Ok(true) => times.push(sent.elapsed()),
            Ok(false) | Err(_) => failed += 1,
        }
    }
    (times, failed)
}

impl Passkey {
    /// Registers a user with a passkey.
    async fn register(address: SocketAddr, number: usize) -> Result<Self, Box<dyn Error>> {
        let account = Account::open(address, &format!("passkey{number}")).await?;
        let cookie = account.cookie().await?;
        let mut connection = Connection::open(address).await?;
        let password = format!("current_password={}", Account::PASSWORD);
        let path = "/account/passkeys/options";
        let options = post(&mut connection, path, &cookie, &password).await?;
        let options = serde_json::from_slice::<Value>(&options.1)?;
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new());
        let key = Ed25519KeyPair::from_pkcs8(pkcs8.or(Err("no key"))?.as_ref());
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let user_handle = text(&options, "/user/id")?;
        let passkey = Self {
            id,
            key: key.or(Err("no key"))?,
            user_handle: user_handle.to_owned(),
            origin: format!("http://localhost:{}", address.port()),
        };
        let credential = [
            &[0; 16][..],
            &[0, 16],
            &id,
            &PUBLIC_KEY,
            passkey.key.public_key().as_ref(),
        ];
        let data = data(FLAGS | HAS_CREDENTIAL, &credential.concat());
        let length = u8::try_from(data.len())?;
        let attestation = [ATTESTATION, &[length], &data].concat();
        let challenge = text(&options, "/challenge")?;
        let client_data = passkey.client_data("webauthn.create", challenge);
        let credential = passkey.credential(&json!({
            "clientDataJSON": BASE64URL_NOPAD.encode(client_data.as_bytes()),
            "attestationObject": BASE64URL_NOPAD.encode(&attestation),
        }));
        let body = format!("name=load&{credential}");
        let (status, body) = post(&mut connection, "/account/passkeys", &cookie, &body).await?;
        if status != 201 {
            return Err(String::from_utf8_lossy(&body).into());
        }
        Ok(passkey)
    }

    /// Logs in, and returns whether the service accepted it.
    async fn log_in(&self, connection: &mut Connection) -> Result<bool, Box<dyn Error>> {
        let (_, options) = post(connection, "/sessions/passkey/options", "", "").await?;
        let options: Value = serde_json::from_slice(&options)?;
        let challenge = text(&options, "/challenge")?;
        let client_data = self.client_data("webauthn.get", challenge);
        let data = data(FLAGS, &[]);
        let message = [&data[..], &Sha256::digest(&client_data)].concat();
        let credential = self.credential(&json!({
            "clientDataJSON": BASE64URL_NOPAD.encode(client_data.as_bytes()),
            "authenticatorData": BASE64URL_NOPAD.encode(&data),
            "signature": BASE64URL_NOPAD.encode(self.key.sign(&message).as_ref()),
            "userHandle": self.user_handle,
        }));
        let (status, _) = post(connection, "/sessions/passkey", "", &credential).await?;
        Ok(status == 200)
    }

    fn client_data(&self, kind: &str, challenge: &str) -> String {
        json!({"type": kind, "challenge": challenge, "origin": self.origin}).to_string()
    }

    /// The field with the credential's JSON.
    fn credential(&self, response: &Value) -> String {
        let id = BASE64URL_NOPAD.encode(&self.id);
        let credential =
            json!({"id": id, "rawId": id, "type": "public-key", "response": response}).to_string();
        let credential = utf8_percent_encode(&credential, NON_ALPHANUMERIC);
        format!("credential={credential}")
    }
}

/// Authenticator data without a counter.
fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
    [&Sha256::digest(RP_ID)[..], &[flags, 0, 0, 0, 0], rest].concat()
}

async fn post(
    connection: &mut Connection,
    path: &str,
    cookie: &str,
    body: &str,
) -> Result<(u16, Vec<u8>), Box<dyn Error>> {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = connection.exchange(request.as_bytes()).await?;
    Ok((answer.status, answer.body))
}

/// A text in a JSON document.
fn text<'a>(document: &'a Value, pointer: &str) -> Result<&'a str, String> {
    let text = document.pointer(pointer).and_then(Value::as_str);
    text.ok_or_else(|| format!("{pointer} is missing"))
}
