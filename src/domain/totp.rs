//! Time-based one-time passwords (RFC 6238): secrets, codes, and time steps.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::Timestamp;

/// The bytes of a secret: as many as SHA-1 returns (RFC 4226, 4).
const SECRET_LENGTH: usize = 20;

/// The digits of a code.
const DIGITS: usize = 6;

/// How long a code is valid, in seconds.
const STEP: i64 = 30;

/// How many steps before and after the present one are accepted, so that a code may be typed
/// slowly and clocks may differ a little.
const SKEW: i64 = 1;

/// How wrong a clock may be to be recognised as wrong, in steps: five minutes.
const RECOGNISED: i64 = 10;

/// The secret that an authenticator app and this service share.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_LENGTH]>);

/// A code of six digits, as an authenticator app shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpCode(Zeroizing<String>);

/// The number of a span of 30 seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(i64);

/// The result of checking a code at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotpMatch {
    /// It is right, and of that step.
    Step(TotpStep),
    /// It is right for another time: the clock that made it differs by this number of seconds,
    /// which is negative if it is behind ours.
    ClockOff(i64),
    /// It is wrong.
    Wrong,
}

/// The text is no code of six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has six digits")]
pub struct TotpCodeError;

impl TotpSecret {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`getrandom::Error`] if the system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; SECRET_LENGTH]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// A decrypted secret from the database; none if the length is wrong.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// Takes a secret as [`TotpSecret::to_base32`] writes it; none for any other text.
    #[must_use]
    pub fn from_base32(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE32_NOPAD.decode(text.as_bytes()).ok()?);
        Self::from_bytes(&bytes)
    }

    /// The bytes, to be encrypted.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// The secret as a person types it into an app.
    #[must_use]
    pub fn to_base32(&self) -> String {
        BASE32_NOPAD.encode(self.as_bytes())
    }

    /// The address that an app reads from a QR code. `issuer` is the name of this service.
    #[must_use]
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> String {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (issuer, account) = (encode(issuer), encode(account));
        let secret = self.to_base32();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}\
             &algorithm=SHA1&digits={DIGITS}&period={STEP}"
        )
    }

    /// Checks a code at that time, and finds the other time at which it would be right.
    #[must_use]
    pub fn check(&self, code: &TotpCode, now: Timestamp) -> TotpMatch {
        let Some(totp) = self.totp() else {
            return TotpMatch::Wrong;
        };
        let present = now.seconds().div_euclid(STEP);
        let is_right = |step: i64| {
            let time = step.checked_mul(STEP).map(u64::try_from);
            matches!(time, Some(Ok(time)) if totp.check(&code.0, time).is_some())
        };
        // The newest one: an older step with the same code may have been used.
        let accepted = (-SKEW..=SKEW).rev().find(|off| is_right(present + off));
        if let Some(off) = accepted {
            return TotpMatch::Step(TotpStep(present + off));
        }
        let mut others = (SKEW + 1..=RECOGNISED).flat_map(|off| [-off, off]);
        match others.find(|off| is_right(present + off)) {
            Some(off) => TotpMatch::ClockOff(off * STEP),
            None => TotpMatch::Wrong,
        }
    }

    /// The generator of codes, for one step at a time. There always is one: the length of the
    /// secret is right.
    fn totp(&self) -> Option<Totp> {
        let secret = Secret::from(self.as_bytes());
        let builder = Builder::new().with_secret(secret).with_skew(0);
        builder.build().ok()
    }
}

impl TotpCode {
    /// Takes a code as a person types it: white space does not count.
    ///
    /// # Errors
    /// [`TotpCodeError`] for anything but six digits.
    pub fn parse(text: &str) -> Result<Self, TotpCodeError> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = Zeroizing::new(digits);
        if digits.len() == DIGITS && digits.bytes().all(|c| c.is_ascii_digit()) {
            Ok(Self(digits))
        } else {
            Err(TotpCodeError)
        }
    }
}

impl TotpStep {
    /// The number that is stored.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn code(text: &str) -> TotpCode {
        TotpCode::parse(text).unwrap()
    }

    /// The secret of the RFC's appendices.
    fn of_the_rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn vectors_of_rfc_6238_are_accepted_at_their_time() {
        for (time, right) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            // The last six of the RFC's eight digits.
            let matched = of_the_rfc().check(&code(right), at(time));
            assert_eq!(matched, TotpMatch::Step(TotpStep(time / 30)), "{time}");
        }
    }

    #[test]
    fn one_step_of_skew_is_accepted_and_more_is_named() {
        // Step 37037036, from 1,111,111,080 to 1,111,111,109.
        let of_step = code("081804");
        let check = |time| of_the_rfc().check(&of_step, at(time));
        for (time, matched) in [
            (1_111_111_050, TotpMatch::Step(TotpStep(37_037_036))),
            (1_111_111_139, TotpMatch::Step(TotpStep(37_037_036))),
            (1_111_111_140, TotpMatch::ClockOff(-60)),
            (1_111_111_049, TotpMatch::ClockOff(60)),
            (1_111_111_080 + 300, TotpMatch::ClockOff(-300)),
            (1_111_111_080 + 330, TotpMatch::Wrong),
        ] {
            assert_eq!(check(time), matched, "{time}");
        }
    }

    #[test]
    fn time_without_a_step_accepts_nothing() {
        for time in [i64::MIN, -31, -1, i64::MAX] {
            let matched = of_the_rfc().check(&code("081804"), at(time));
            assert_eq!(matched, TotpMatch::Wrong, "{time}");
        }
    }

    #[test]
    fn code_is_six_digits_with_white_space() {
        assert_eq!(TotpCode::parse(" 081 804\n"), Ok(code("081804")));
        for wrong in ["", "08180", "0818044", "08180a", "+81804", "٠٨١٨٠٤"] {
            assert_eq!(TotpCode::parse(wrong), Err(TotpCodeError), "{wrong}");
        }
    }

    #[test]
    fn secret_is_read_as_it_is_written() {
        let text = of_the_rfc().to_base32();
        assert_eq!(TotpSecret::from_base32(&text), Some(of_the_rfc()));
        for wrong in [
            "",
            "GEZDGNBV",
            &text.to_lowercase(),
            "<script>",
            &format!("{text}A"),
        ] {
            assert_eq!(TotpSecret::from_base32(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn address_for_apps_is_encoded() {
        let uri = of_the_rfc().otpauth_uri("Ann & Co", "a+b@x.fr");
        assert_eq!(
            uri,
            "otpauth://totp/Ann%20%26%20Co:a%2Bb%40x%2Efr\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Ann%20%26%20Co\
             &algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", of_the_rfc(), code("081804"));
        assert_eq!(shown, "TotpSecret(..) TotpCode(..)");
    }
}
