//! Blowfish with bcrypt's key schedule, for several states in lock-step.
//!
//! One round of the cipher looks up four words in tables and waits for them: 10 to 12 cycles
//! in a chain that cannot be shortened within one hash. So each round is computed for all
//! lanes before the next one begins: while one lane waits, the lookups of the others run.

#![expect(
    clippy::indexing_slicing,
    reason = "a byte is an index into a table of 256, and the other indices are constants"
)]
#![expect(
    clippy::inline_always,
    reason = "the lanes are in lock-step only as one stretch of code"
)]

use zeroize::Zeroize;

use crate::pi;

/// One block of Blowfish: the left half and the right half.
pub(crate) type Block = [u32; 2];

/// The words that are mixed into the subkeys: a password or a salt, repeated to this length.
pub(crate) type KeyWords = [u32; 18];

/// The subkeys and the S-boxes. All of them depend on the password.
#[derive(Clone)]
pub(crate) struct State {
    s_boxes: [[u32; 256]; 4],
    subkeys: KeyWords,
}

impl State {
    #[cfg(test)]
    pub(crate) fn is_wiped(&self) -> bool {
        let mut words = self.s_boxes.iter().flatten().chain(&self.subkeys);
        words.all(|word| *word == 0)
    }

    /// The state before a key is mixed in.
    pub(crate) const INITIAL: Self = Self {
        s_boxes: pi::S_BOXES,
        subkeys: pi::SUBKEYS,
    };

    /// The paper's `ExpandKey(state, salt, key)`: mixes the key into the subkeys, then replaces
    /// the whole state, two words at a time. Each pair is the encryption of the pair before it,
    /// mixed with one half of the salt; the halves alternate.
    pub(crate) fn expand_salted_key(&mut self, key: &KeyWords, salt: &[u32; 4]) {
        mix(&mut self.subkeys, key);
        let [a, b, c, d] = *salt;
        let mut halves = [[a, b], [c, d]].into_iter().cycle();
        let mut block = [0, 0];
        let mut next = |state: &Self| {
            mix(&mut block, &halves.next().unwrap_or_default());
            block = state.encrypt(block);
            block
        };
        for at in (0..self.subkeys.len()).step_by(2) {
            [self.subkeys[at], self.subkeys[at + 1]] = next(self);
        }
        for table in 0..4 {
            for at in (0..256).step_by(2) {
                [self.s_boxes[table][at], self.s_boxes[table][at + 1]] = next(self);
            }
        }
    }

    pub(crate) fn encrypt(&self, block: Block) -> Block {
        let [block] = encrypt([self], [block]);
        block
    }
}

impl Zeroize for State {
    fn zeroize(&mut self) {
        self.s_boxes.zeroize();
        self.subkeys.zeroize();
    }
}

/// A state, and the key and salt with which each round expands it.
#[derive(Clone)]
#[repr(align(64))]
pub(crate) struct Expansion {
    pub(crate) state: State,
    pub(crate) key: KeyWords,
    pub(crate) salt: KeyWords,
}

impl Expansion {
    /// The content of an idle lane.
    pub(crate) const ZERO: Self = Self {
        state: State {
            s_boxes: [[0; 256]; 4],
            subkeys: [0; 18],
        },
        key: [0; 18],
        salt: [0; 18],
    };
}

impl Zeroize for Expansion {
    fn zeroize(&mut self) {
        self.state.zeroize();
        self.key.zeroize();
        self.salt.zeroize();
    }
}

/// One of bcrypt's 2^cost rounds, for each lane: first with the password, then with the salt.
/// The paper's text has the reverse order; this is the order of OpenBSD's code, which every
/// `$2b$` hash follows.
///
/// It is not generic, so that this crate's profile optimises it, whatever that of its users is.
pub(crate) fn round(lanes: &mut [Expansion]) {
    match lanes.len() {
        1 => round_of::<1>(lanes),
        2 => round_of::<2>(lanes),
        3 => round_of::<3>(lanes),
        4 => round_of::<4>(lanes),
        5 => round_of::<5>(lanes),
        6 => round_of::<6>(lanes),
        _ => lanes.chunks_mut(6).for_each(round),
    }
}

/// One round of `N` lanes in lock-step.
fn round_of<const N: usize>(lanes: &mut [Expansion]) {
    let Some(lanes) = lanes.first_chunk_mut::<N>() else {
        return;
    };
    for lane in &mut *lanes {
        mix(&mut lane.state.subkeys, &lane.key);
    }
    expand(lanes);
    for lane in &mut *lanes {
        mix(&mut lane.state.subkeys, &lane.salt);
    }
    expand(lanes);
}

/// The paper's `ExpandKey(state, 0, key)`, for each lane, after the key is mixed in.
#[inline]
fn expand<const N: usize>(lanes: &mut [Expansion; N]) {
    let mut blocks = [[0, 0]; N];
    for at in (0..18).step_by(2) {
        blocks = encrypt(lanes.each_ref().map(|lane| &lane.state), blocks);
        for (lane, block) in lanes.iter_mut().zip(blocks) {
            [lane.state.subkeys[at], lane.state.subkeys[at + 1]] = block;
        }
    }
    for table in 0..4 {
        for at in (0..256).step_by(2) {
            blocks = encrypt(lanes.each_ref().map(|lane| &lane.state), blocks);
            for (lane, block) in lanes.iter_mut().zip(blocks) {
                let table = &mut lane.state.s_boxes[table];
                [table[at], table[at + 1]] = block;
            }
        }
    }
}

/// The sixteen rounds of the cipher. They are unrolled by hand: with a loop, four lanes are
/// 10 % slower.
#[inline(always)]
fn encrypt<const N: usize>(states: [&State; N], blocks: [Block; N]) -> [Block; N] {
    let mut left = blocks.map(|[left, _]| left);
    let mut right = blocks.map(|[_, right]| right);
    for lane in 0..N {
        left[lane] ^= states[lane].subkeys[0];
    }
    two_rounds::<N, 1>(states, &mut left, &mut right);
    two_rounds::<N, 3>(states, &mut left, &mut right);
    two_rounds::<N, 5>(states, &mut left, &mut right);
    two_rounds::<N, 7>(states, &mut left, &mut right);
    two_rounds::<N, 9>(states, &mut left, &mut right);
    two_rounds::<N, 11>(states, &mut left, &mut right);
    two_rounds::<N, 13>(states, &mut left, &mut right);
    two_rounds::<N, 15>(states, &mut left, &mut right);
    std::array::from_fn(|lane| [right[lane] ^ states[lane].subkeys[17], left[lane]])
}

/// One round of all lanes, and one with the halves exchanged. `SUBKEY` is the index of the
/// first of the two subkeys of the rounds after these: they are mixed in here already, where
/// nothing waits for them.
#[inline(always)]
fn two_rounds<const N: usize, const SUBKEY: usize>(
    states: [&State; N],
    left: &mut [u32; N],
    right: &mut [u32; N],
) {
    for lane in 0..N {
        right[lane] ^= states[lane].subkeys[SUBKEY];
        right[lane] ^= states[lane].feistel(left[lane]);
    }
    for lane in 0..N {
        left[lane] ^= states[lane].subkeys[SUBKEY + 1];
        left[lane] ^= states[lane].feistel(right[lane]);
    }
}

impl State {
    /// The function F of the paper: looks up one word in each table by the four bytes of `half`.
    #[inline(always)]
    fn feistel(&self, half: u32) -> u32 {
        // Little-endian, since that takes no instruction on most machines. The first table
        // belongs to the highest byte.
        let [d, c, b, a] = half.to_le_bytes().map(usize::from);
        let [s0, s1, s2, s3] = &self.s_boxes;
        (s0[a].wrapping_add(s1[b]) ^ s2[c]).wrapping_add(s3[d])
    }
}

fn mix<const N: usize>(into: &mut [u32; N], words: &[u32; N]) {
    for (into, word) in into.iter_mut().zip(words) {
        *into ^= word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: [u8; 8]) -> KeyWords {
        let (words, _) = bytes.as_chunks();
        std::array::from_fn(|at| u32::from_be_bytes(words[at % 2]))
    }

    /// Eric Young's published vectors. Blowfish is bcrypt's key schedule with a salt of zero.
    #[test]
    fn the_cipher_matches_published_blowfish_vectors() {
        for (bytes, plain, cipher) in [
            ([0; 8], [0, 0], [0x4ef9_9745, 0x6198_dd78]),
            ([0xff; 8], [u32::MAX; 2], [0x5186_6fd5, 0xb85e_cb8a]),
            (
                [0x30, 0, 0, 0, 0, 0, 0, 0],
                [0x1000_0000, 0x0000_0001],
                [0x7d85_6f9a, 0x6130_63f2],
            ),
            (
                [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef],
                [0x1111_1111, 0x1111_1111],
                [0x61f9_c380, 0x2281_b096],
            ),
        ] {
            let mut state = State::INITIAL;
            state.expand_salted_key(&key(bytes), &[0; 4]);
            assert_eq!(state.encrypt(plain), cipher, "key {bytes:02x?}");
        }
    }

    #[test]
    fn zeroize_clears_key_salt_and_state() {
        let mut expansion = Expansion {
            state: State::INITIAL,
            key: [1; 18],
            salt: [2; 18],
        };
        expansion.zeroize();
        assert_eq!(expansion.key, [0; 18]);
        assert_eq!(expansion.salt, [0; 18]);
        assert_eq!(expansion.state.subkeys, [0; 18]);
        assert_eq!(expansion.state.s_boxes, [[0; 256]; 4]);
    }
}
