//! The input and the digest of one bcrypt.

use std::ops::RangeInclusive;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::blowfish::{Block, KeyWords};

/// How many bytes of a password bcrypt uses, including the NUL at its end.
const KEY_BYTES: usize = 72;

/// The valid costs of bcrypt.
const COSTS: RangeInclusive<u32> = 4..=31;

/// The input of one bcrypt. The key is zeroed when it is dropped.
#[derive(Clone)]
pub struct Input {
    pub(crate) key: Zeroizing<KeyWords>,
    pub(crate) salt: [u32; 4],
    pub(crate) rounds: u64,
}

impl Input {
    /// The input for a password, a salt and a cost, which means 2^cost rounds. None if the
    /// cost is outside 4 to 31.
    ///
    /// As `$2b$` requires, a NUL is added to the password, and only the first 72 bytes of both
    /// count. So the caller must refuse passwords that are longer or that contain a NUL.
    #[must_use]
    pub fn new(password: &[u8], salt: [u8; 16], cost: u32) -> Option<Self> {
        COSTS.contains(&cost).then(|| {
            let closed = password.iter().copied().chain([0]).take(KEY_BYTES);
            let mut bytes = closed.cycle();
            let mut word = || {
                bytes
                    .by_ref()
                    .take(4)
                    .fold(0, |word, byte| word << 8 | u32::from(byte))
            };
            Self {
                key: Zeroizing::new(std::array::from_fn(|_| word())),
                salt: {
                    let (words, _) = salt.as_chunks();
                    let mut words = words.iter().copied().map(u32::from_be_bytes);
                    std::array::from_fn(|_| words.next().unwrap_or_default())
                },
                rounds: 1 << cost,
            }
        })
    }

    /// The number of rounds, 2^cost.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The salt, repeated to the length of a key.
    pub(crate) fn salt_words(&self) -> KeyWords {
        let mut words = self.salt.iter().copied().cycle();
        std::array::from_fn(|_| words.next().unwrap_or_default())
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

/// The result of a bcrypt: 23 bytes, because every stored hash omits the 24th. Digests are
/// compared in constant time and zeroed when they are dropped.
#[derive(Clone)]
pub struct Digest(Zeroizing<[u8; 23]>);

impl Digest {
    pub(crate) fn from_blocks(blocks: [Block; 3]) -> Self {
        let mut bytes = blocks.into_iter().flatten().flat_map(u32::to_be_bytes);
        Self(Zeroizing::new(std::array::from_fn(|_| {
            bytes.next().unwrap_or_default()
        })))
    }

    /// The bytes, to store them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 23] {
        &self.0
    }
}

impl From<[u8; 23]> for Digest {
    fn from(bytes: [u8; 23]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl ConstantTimeEq for Digest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(other.0.as_slice())
    }
}

impl PartialEq for Digest {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Digest {}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(..)")
    }
}
