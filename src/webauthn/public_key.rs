//! Public keys as COSE has them (RFC 9052, RFC 8812), and the signatures that they verify.

use ring::agreement::{self, ECDH_P256, EphemeralPrivateKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use super::VerifyError;
use super::cbor::Map;

/// The labels of the parts of a key.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const MODULUS: i64 = -1;
const EXPONENT: i64 = -2;

/// The bytes of a modulus: 2048 to 4096 bits.
const MODULUS_LENGTHS: std::ops::RangeInclusive<usize> = 256..=512;

/// A public key of an allowed algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA over P-256 with SHA-256: the point, not compressed.
    Es256([u8; 65]),
    /// Ed25519.
    EdDsa([u8; 32]),
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// The numbers of the allowed algorithms, the preferred one first.
    pub const ALGORITHMS: [i64; 3] = [Self::EDDSA, Self::ES256, Self::RS256];

    /// The longest key, in bytes.
    pub(super) const MAX_LENGTH: usize = 1024;

    const EDDSA: i64 = -8;
    const ES256: i64 = -7;
    const RS256: i64 = -257;

    /// Parses a key, all of the bytes.
    ///
    /// # Errors
    /// [`VerifyError::PublicKey`].
    pub fn parse(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut rest = bytes;
        let map = Map::read(&mut rest).ok();
        let key = map
            .filter(|_| rest.is_empty())
            .as_ref()
            .and_then(Self::of_map);
        key.ok_or(VerifyError::PublicKey)
    }

    fn of_map(map: &Map) -> Option<Self> {
        match (map.number(KEY_TYPE)?, map.number(ALGORITHM)?) {
            (2, Self::ES256) if map.number(CURVE) == Some(1) => {
                let x: &[u8; 32] = map.bytes(X)?.try_into().ok()?;
                let y: &[u8; 32] = map.bytes(Y)?.try_into().ok()?;
                let point = [&[4], &x[..], &y[..]].concat();
                Some(Self::Es256(point.try_into().ok()?))
            }
            (1, Self::EDDSA) if map.number(CURVE) == Some(6) => {
                Some(Self::EdDsa(map.bytes(X)?.try_into().ok()?))
            }
            (3, Self::RS256) => {
                let (n, e) = (map.bytes(MODULUS)?, map.bytes(EXPONENT)?);
                let is_plain = |number: &[u8]| number.first().is_some_and(|byte| *byte != 0);
                let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
                let fits = MODULUS_LENGTHS.contains(&n.len()) && e.len() <= 4;
                let is_number = |number| is_plain(number) && is_odd(number);
                (fits && e != [1] && is_number(n) && is_number(e)).then(|| Self::Rs256 {
                    n: n.to_vec(),
                    e: e.to_vec(),
                })
            }
            _ => None,
        }
    }

    /// Refuses a key with which no signature can be right, since it is no point of P-256. `ring`
    /// checks a point only with a use of it; an agreement with a key of ours is one. It has no such
    /// use of an Ed25519 key, and the factors of an RSA modulus are not known: logins with a key of
    /// these kinds that is wrong are refused.
    ///
    /// # Errors
    /// [`VerifyError::PublicKey`], also if there is no randomness for the key of ours.
    pub(super) fn check(&self) -> Result<(), VerifyError> {
        match self {
            Self::Es256(point) => {
                let point = agreement::UnparsedPublicKey::new(&ECDH_P256, point);
                let ours = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new());
                ours.and_then(|ours| agreement::agree_ephemeral(ours, &point, |_| ()))
                    .or(Err(VerifyError::PublicKey))
            }
            Self::EdDsa(_) | Self::Rs256 { .. } => Ok(()),
        }
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// [`VerifyError::Signature`].
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rs256 { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        verified.or(Err(VerifyError::Signature))
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXUPPER;

    use super::*;

    /// The base point of P-256 (FIPS 186-4, D.1.2.3).
    const BASE_X: &str = "6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296";
    const BASE_Y: &str = "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5";
    /// The prime of its field.
    const PRIME: &str = "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF";

    fn check(x: &str, y: &str) -> Result<(), VerifyError> {
        let point = HEXUPPER.decode(format!("04{x}{y}").as_bytes()).unwrap();
        PublicKey::Es256(point.try_into().unwrap()).check()
    }

    #[test]
    fn only_points_of_the_curve_are_keys() {
        assert_eq!(check(BASE_X, BASE_Y), Ok(()));
        let zero = "0".repeat(64);
        for (x, y) in [
            (BASE_Y, BASE_X),
            (BASE_X, PRIME),
            (PRIME, BASE_Y),
            (&zero, BASE_Y),
            // The point at infinity has no coordinates; some write it so.
            (&zero, &zero),
        ] {
            assert_eq!(check(x, y), Err(VerifyError::PublicKey), "{x} {y}");
        }
    }
}
