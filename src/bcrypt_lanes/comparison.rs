use super::{Digest, Input};

/// The `bcrypt` crate in the place of [`Lanes`](super::Lanes): one hash at a time, to its
/// end. It is there only for measuring, where the program is built with
/// `RUSTFLAGS="--cfg bcrypt_crate_in_place_of_lanes"` (`benches/load/storm`).
#[derive(Debug)]
pub struct CrateInPlace<T, const N: usize> {
    begun: Option<(Input, T)>,
    finished: Option<(T, Digest)>,
}

impl<T, const N: usize> CrateInPlace<T, N> {
    /// Idle.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: None,
            finished: None,
        }
    }

    /// One, or none.
    #[must_use]
    pub fn idle(&self) -> usize {
        usize::from(self.begun.is_none())
    }

    /// Begins a computation.
    ///
    /// # Errors
    /// What should go with it, where another one is under way.
    pub fn begin(&mut self, input: &Input, goes_with: T) -> Result<(), T> {
        if self.begun.is_some() {
            return Err(goes_with);
        }
        self.begun = Some((input.clone(), goes_with));
        Ok(())
    }

    /// Computes it to its end.
    pub fn advance(&mut self, _: u64) -> u64 {
        let Some((input, goes_with)) = self.begun.take() else {
            return 0;
        };
        let salt = input.salt.map(u32::to_be_bytes).concat();
        let salt = salt.first_chunk().copied().unwrap_or_default();
        // A key of 18 whole words is the same key as the bytes that were repeated in it.
        let key = input.key.map(u32::to_be_bytes).concat();
        let [digest @ .., _] = bcrypt::bcrypt(input.rounds.ilog2(), salt, &key);
        self.finished = Some((goes_with, digest.into()));
        input.rounds
    }

    /// Takes what has been computed.
    pub fn take_finished(&mut self) -> Option<(T, Digest)> {
        self.finished.take()
    }

    /// Gives up what has not been computed yet.
    pub fn retain(&mut self, wanted: impl Fn(&T) -> bool) {
        self.begun.take_if(|(_, goes_with)| !wanted(goes_with));
    }
}

impl<T, const N: usize> Default for CrateInPlace<T, N> {
    fn default() -> Self {
        Self::new()
    }
}
