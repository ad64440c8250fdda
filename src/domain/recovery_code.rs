//! Recovery codes: each replaces a lost second factor once.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::UserId;

/// The random bytes of a code: 120 bits. With 112 bits or more, a digest without salt is enough
/// (ASVS 5.0, 6.5.2).
const LENGTH: usize = 15;

/// The random bytes of a code that version 0.1.0 has made: 80 bits. Its owner may still have it.
const EARLIER_LENGTH: usize = 10;

/// A code as its owner keeps it: 120 bits from the operating system, shown once and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Zeroizing<Vec<u8>>);

/// A code as it is stored: SHA-256 of purpose, user and code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoveryCodeDigest([u8; 32]);

/// The text is no recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a recovery code")]
pub struct RecoveryCodeError;

impl RecoveryCode {
    /// How many codes a user gets at once.
    pub const COUNT: usize = 10;

    /// Makes a new one.
    ///
    /// # Errors
    /// [`getrandom::Error`] if the system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0; LENGTH]);
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Takes a code as a person types it: letter case, white space and hyphens do not count.
    ///
    /// # Errors
    /// [`RecoveryCodeError`] for a text that cannot be one.
    pub fn parse(text: &str) -> Result<Self, RecoveryCodeError> {
        let is_letter = |c: &char| !c.is_whitespace() && *c != '-';
        let letters = text.chars().filter(is_letter).take(2 * LENGTH);
        let letters: Zeroizing<String> =
            Zeroizing::new(letters.map(|c| c.to_ascii_uppercase()).collect());
        let bytes = BASE32_NOPAD.decode(letters.as_bytes());
        let bytes = Zeroizing::new(bytes.or(Err(RecoveryCodeError))?);
        match bytes.len() {
            LENGTH | EARLIER_LENGTH => Ok(Self(bytes)),
            _ => Err(RecoveryCodeError),
        }
    }

    /// The code in six groups of four letters and digits, such as
    /// `k5xw-2m7q-ab3d-ef6g-hj4k-mn7p`.
    #[must_use]
    pub fn expose(&self) -> String {
        let letters = BASE32_NOPAD.encode(&self.0).to_ascii_lowercase();
        let letters: Vec<char> = letters.chars().collect();
        let groups = letters.chunks(4).map(|group| group.iter().collect());
        groups.collect::<Vec<String>>().join("-")
    }

    /// The digest that is stored. It includes the user, so that a reader of the database cannot
    /// test a code against all users at once.
    #[must_use]
    pub fn digest(&self, user_id: UserId) -> RecoveryCodeDigest {
        let hash = Sha256::new()
            .chain_update("bienvenue/recovery/1")
            .chain_update(user_id.get().to_be_bytes())
            .chain_update(&*self.0)
            .finalize();
        RecoveryCodeDigest(hash.into())
    }
}

impl RecoveryCodeDigest {
    /// The digest's 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

impl fmt::Debug for RecoveryCodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodeDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_read_in_any_case_and_grouping() {
        let code = RecoveryCode::generate().unwrap();
        let text = code.expose();
        assert_eq!(text.len(), 29, "{text}");
        let plain = text.replace('-', "");
        for spelling in [
            text.clone(),
            plain.to_uppercase(),
            format!("  {}\n", text.replace('-', " ")),
        ] {
            assert_eq!(RecoveryCode::parse(&spelling), Ok(code.clone()));
        }
    }

    /// The digest is the one that version 0.1.0 has stored.
    #[test]
    fn code_of_version_0_1_0_is_read() {
        let code = RecoveryCode::parse("k5xw-2m7q-ab3d-ef6g").unwrap();
        assert_eq!(code.expose(), "k5xw-2m7q-ab3d-ef6g");
        let digest = data_encoding::HEXLOWER.encode(code.digest(UserId::new(7)).as_bytes());
        let stored = "44c01450c3671b28bcb0d8ae4acbe99385660fd578b30c64d14606d3f717d861";
        assert_eq!(digest, stored);
    }

    #[test]
    fn other_texts_are_no_codes() {
        let text = RecoveryCode::generate().unwrap().expose();
        for wrong in [
            "",
            "-",
            text.trim_start_matches(|c| text.starts_with(c)),
            &format!("{text}a"),
            text.get(..24).unwrap(),
            "k5xw-2m7q-ab3d-ef6ö",
            "k5xw-2m7q-ab3d-ef6g-hj4k",
        ] {
            assert_eq!(
                RecoveryCode::parse(wrong),
                Err(RecoveryCodeError),
                "{wrong}"
            );
        }
    }

    #[test]
    fn same_code_of_two_users_has_two_digests() {
        let code = RecoveryCode::generate().unwrap();
        let digest = |id| code.digest(UserId::new(id));
        assert_eq!(digest(1), digest(1));
        assert_ne!(digest(1), digest(2));
    }

    #[test]
    fn debug_shows_no_code() {
        let code = RecoveryCode::generate().unwrap();
        let shown = format!("{code:?} {:?}", code.digest(UserId::new(1)));
        assert_eq!(shown, "RecoveryCode(..) RecoveryCodeDigest(..)");
    }
}
