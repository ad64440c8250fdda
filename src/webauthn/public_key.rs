//! Public keys as COSE has them (RFC 9052, RFC 8812), and the signatures that they verify.

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
                let is_odd = e.last().is_some_and(|byte| byte % 2 == 1);
                let fits = MODULUS_LENGTHS.contains(&n.len()) && e.len() <= 4;
                (fits && is_odd && e != [1] && is_plain(n) && is_plain(e)).then(|| Self::Rs256 {
                    n: n.to_vec(),
                    e: e.to_vec(),
                })
            }
            _ => None,
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
