//! Users with a number, from which their emails, session ids and reset tokens follow, and the
//! rows that `benches/load/many` inserts for them.

use std::error::Error;
use std::io::{BufWriter, Write, stdout};

use bienvenue::domain::{ResetToken, SessionId};
use uuid::{Builder, Uuid};

/// The password of all users: they share the hash of the first one.
pub(crate) const PASSWORD: &str = "one-of-a-million-users";
/// 2026-11-01 in milliseconds: the time in the first session's public id.
const FIRST_LOGIN: u64 = 1_793_491_200_000;

/// A pseudo-random number, which is always the same for the same seed.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub(crate) fn email(number: u64) -> String {
    format!("user{number}@example.org")
}

pub(crate) fn session_id(number: u64) -> Uuid {
    token(number, 1)
}

pub(crate) fn reset_token(number: u64) -> Uuid {
    token(number, 2)
}

fn token(number: u64, kind: u64) -> Uuid {
    let high = mix(number);
    let bytes = u128::from(high) << 64 | u128::from(mix(high ^ kind));
    Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
}

/// Prints one line for each user: number, digest of the session id, public id of the session,
/// digest of the reset token.
pub(crate) fn print(count: u64) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(stdout().lock());
    for number in 1..=count {
        let session = SessionId::parse(&session_id(number).to_string())?.digest();
        let reset = ResetToken::parse(&reset_token(number).to_string())?.digest();
        let random = u128::from(mix(number)).to_be_bytes();
        let (_, random) = random
            .split_last_chunk()
            .ok_or("16 bytes are more than 10")?;
        let public_id = Builder::from_unix_timestamp_millis(FIRST_LOGIN + number, random);
        let public_id = public_id.into_uuid().simple();
        let (session, reset) = (session.to_hex(), reset.to_hex());
        writeln!(out, "{number},{session},{public_id},{reset}")?;
    }
    Ok(out.flush()?)
}
