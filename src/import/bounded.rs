//! A bound on how much of a file one user takes, so that no file fills the memory.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest entry of a user, in bytes.
const ENTRY_MAX: u64 = 1024 * 1024;

/// How many bytes may be read until the next row.
#[derive(Debug, Clone)]
pub(super) struct EntryLimit(Arc<AtomicU64>);

impl EntryLimit {
    /// A row was read: the next one may be as long again.
    pub(super) fn renew(&self) {
        self.0.store(ENTRY_MAX, Ordering::Relaxed);
    }

    /// What follows is skipped, and may be of any length.
    pub(super) fn lift(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }
}

/// A reader that fails where an entry is too long.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    limit: EntryLimit,
}

impl<R: Read> Bounded<R> {
    pub(super) fn new(inner: R) -> (Self, EntryLimit) {
        let limit = EntryLimit(Arc::new(AtomicU64::new(ENTRY_MAX)));
        let bounded = Self {
            inner,
            limit: limit.clone(),
        };
        (bounded, limit)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.limit.0.load(Ordering::Relaxed);
        if left == 0 {
            let error = "an entry is longer than 1 MiB";
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let read = self
            .inner
            .read(buffer.get_mut(..most).unwrap_or_default())?;
        if left < u64::MAX {
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            self.limit
                .0
                .store(left.saturating_sub(read), Ordering::Relaxed);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `count` bytes, and says whether the limit allowed it.
    fn reads(file: &mut Bounded<io::Repeat>, count: u64) -> bool {
        io::copy(&mut file.take(count), &mut io::sink()).is_ok()
    }

    #[test]
    fn an_entry_has_a_largest_length() {
        let (mut file, limit) = Bounded::new(io::repeat(b'x'));
        assert!(reads(&mut file, ENTRY_MAX));
        assert!(!reads(&mut file, 1));
        limit.renew();
        assert!(reads(&mut file, ENTRY_MAX - 1));
        limit.renew();
        assert!(!reads(&mut file, ENTRY_MAX + 1));
        limit.lift();
        assert!(reads(&mut file, 3 * ENTRY_MAX));
        limit.renew();
        assert!(!reads(&mut file, ENTRY_MAX + 1));
    }
}
