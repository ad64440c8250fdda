//! bcrypt for several passwords at once on one thread, in parallel lanes.
//!
//! The algorithm is that of Provos and Mazières, *A Future-Adaptable Password Scheme*
//! (USENIX 1999), as OpenBSD has it for `$2b$`: the tables of the cipher Blowfish are
//! rewritten 2^(cost + 1) times under the password and the salt, and then encrypt a text.
//! Each table lookup waits for the one before it, so that one hash leaves most of a core
//! idle. [`Lanes`] runs several hashes in lock-step, each in tables of its own, and fills that
//! time: four together took less than 1.5 times as long as one (`docs/benchmarks.md`).
//!
//! This crate is only the computation, without queues or threads; the `bcrypt` crate makes
//! salts and formats stored hashes. As in every bcrypt, the addresses of the lookups depend on
//! the password: code that shares the core's cache may learn something about it.

mod blowfish;
mod input;
mod pi;

use zeroize::Zeroize;

use blowfish::{Expansion, State};
pub use input::{Digest, Input};

/// `OrpheanBeholderScryDoubt`, the text that is encrypted after the last round.
const TEXT: [[u32; 2]; 3] = [
    [0x4f72_7068, 0x6561_6e42],
    [0x6568_6f6c, 0x6465_7253],
    [0x6372_7944, 0x6f75_6274],
];

/// How often the text is encrypted.
const ENCRYPTIONS: usize = 64;

/// Up to `N` computations in parallel, each with a value of the caller's. Their costs may
/// differ: the lanes run in lock-step round by round, and a hash has 2^cost rounds, so a free
/// lane can be filled while the others run.
///
/// A lane is zeroed as soon as its hash is taken or cancelled, because it holds the key.
pub struct Lanes<T, const N: usize> {
    lanes: Box<[Expansion; N]>,
    /// The state of the first lanes, in their order. The lanes after them are idle and zeroed.
    running: Vec<Running<T>>,
}

struct Running<T> {
    rounds_left: u64,
    goes_with: T,
}

impl<T, const N: usize> Lanes<T, N> {
    /// Creates lanes that are all idle.
    #[must_use]
    pub fn new() -> Self {
        const { assert!(N > 0, "at least one lane is needed") };
        let idle = Expansion::ZERO;
        Self {
            lanes: Box::new(std::array::from_fn(|_| idle.clone())),
            running: Vec::with_capacity(N),
        }
    }

    /// The number of idle lanes.
    #[must_use]
    pub fn idle(&self) -> usize {
        N - self.running.len()
    }

    /// Begins a computation in an idle lane. The running ones continue.
    ///
    /// # Errors
    /// Returns `goes_with` if no lane is idle.
    pub fn begin(&mut self, input: &Input, goes_with: T) -> Result<(), T> {
        let Some(lane) = self.lanes.get_mut(self.running.len()) else {
            return Err(goes_with);
        };
        lane.state = State::INITIAL;
        lane.state.expand_salted_key(&input.key, &input.salt);
        lane.key = *input.key;
        lane.salt = input.salt_words();
        self.running.push(Running {
            rounds_left: input.rounds,
            goes_with,
        });
        Ok(())
    }

    /// Computes up to `rounds` rounds in each lane, and stops earlier when a lane ends. Returns
    /// how many it computed. Blocks for some 50 microseconds per round.
    pub fn advance(&mut self, rounds: u64) -> u64 {
        let left = self.running.iter().map(|running| running.rounds_left);
        let rounds = left.min().map_or(0, |left| left.min(rounds));
        for _ in 0..rounds {
            let running = self.running.len();
            if let Some(lanes) = self.lanes.get_mut(..running) {
                blowfish::round(lanes);
            }
        }
        for running in &mut self.running {
            running.rounds_left -= rounds;
        }
        rounds
    }

    /// Takes a finished computation, if there is one.
    pub fn take_finished(&mut self) -> Option<(T, Digest)> {
        let ended = |running: &Running<T>| running.rounds_left == 0;
        let lane = self.running.iter().position(ended)?;
        let state = &self.lanes.get(lane)?.state;
        let encrypt = |block| (0..ENCRYPTIONS).fold(block, |block, _| state.encrypt(block));
        let digest = Digest::from_blocks(TEXT.map(encrypt));
        Some((self.remove(lane), digest))
    }

    /// Cancels the computations for which `wanted` is false.
    pub fn retain(&mut self, wanted: impl Fn(&T) -> bool) {
        let unwanted = |running: &Running<T>| !wanted(&running.goes_with);
        while let Some(lane) = self.running.iter().position(unwanted) {
            self.remove(lane);
        }
    }

    /// Removes a computation and zeroes its lane. The last running lane moves into the gap.
    fn remove(&mut self, lane: usize) -> T {
        let removed = self.running.swap_remove(lane);
        let last = self.running.len();
        self.lanes.swap(lane, last);
        if let Some(idle) = self.lanes.get_mut(last) {
            idle.zeroize();
        }
        removed.goes_with
    }
}

impl<T, const N: usize> Default for Lanes<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> Drop for Lanes<T, N> {
    fn drop(&mut self) {
        for lane in &mut *self.lanes {
            lane.zeroize();
        }
    }
}

impl<T, const N: usize> std::fmt::Debug for Lanes<T, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes")
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

/// Computes the bcrypt digests of several passwords of any costs. Blocks until all are done.
#[must_use]
pub fn bcrypt<const N: usize>(inputs: &[Input; N]) -> [Digest; N] {
    let mut lanes = Lanes::<usize, N>::new();
    for (number, input) in inputs.iter().enumerate() {
        let _room = lanes.begin(input, number).is_ok();
    }
    let mut digests = std::array::from_fn(|_| Digest::from([0; 23]));
    while lanes.advance(u64::MAX) > 0 {
        while let Some((number, digest)) = lanes.take_finished() {
            if let Some(place) = digests.get_mut(number) {
                *place = digest;
            }
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r64_a_lane_is_zeroed_after_its_hash() {
        let mut lanes = Lanes::<u8, 2>::new();
        let is_wiped = |lanes: &Lanes<u8, 2>| {
            let wiped = |lane: &Expansion| {
                let mut words = lane.key.iter().chain(&lane.salt);
                lane.state.is_wiped() && words.all(|word| *word == 0)
            };
            lanes.lanes.iter().all(wiped)
        };
        let begin = |lanes: &mut Lanes<u8, 2>, cost| {
            let input = Input::new(b"password", [7; 16], cost).unwrap();
            lanes.begin(&input, 1).unwrap();
            assert!(!is_wiped(lanes));
        };
        begin(&mut lanes, 4);
        lanes.advance(u64::MAX);
        assert!(lanes.take_finished().is_some() && is_wiped(&lanes));
        begin(&mut lanes, 20);
        lanes.retain(|_| false);
        assert!(is_wiped(&lanes));
    }
}
