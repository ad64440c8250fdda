//! Counts of rows that continue over several scrapes, for tables that may be large.

use std::sync::{Mutex, PoisonError};

use crate::auth::AuthError;

/// How many rows one scrape counts, in about 20 milliseconds. If there are more, the gauge is
/// updated after several scrapes.
const ROWS_COUNTED: u32 = 50_000;

/// A count in the order of a key.
#[derive(Debug)]
pub(super) struct RowCount<K> {
    /// What is counted, in the log.
    rows: &'static str,
    progress: Mutex<Progress<K>>,
}

#[derive(Debug)]
struct Progress<K> {
    /// The result of the last complete count.
    complete: Option<u64>,
    /// The current count, and the last row in it.
    so_far: u64,
    last: Option<K>,
}

impl<K: Copy> RowCount<K> {
    pub(super) const fn of(rows: &'static str) -> Self {
        Self {
            rows,
            progress: Mutex::new(Progress {
                complete: None,
                so_far: 0,
                last: None,
            }),
        }
    }

    /// Continues the count by `step`. It gets the row behind which to count, and for how many rows;
    /// it returns the last of these if there are more. Returns the last complete count or, until
    /// there is one, the current one. None if the database fails.
    pub(super) fn go_on(
        &self,
        step: impl FnOnce(Option<K>, u32) -> Result<(u64, Option<K>), AuthError>,
    ) -> Option<u64> {
        let mut count = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match step(count.last, ROWS_COUNTED) {
            Ok((counted, last)) => {
                count.so_far += counted;
                count.last = last;
                if last.is_none() {
                    count.complete = Some(std::mem::take(&mut count.so_far));
                }
                Some(count.complete.unwrap_or(count.so_far))
            }
            Err(error) => {
                log::warn!("cannot count the {} for the metrics: {error}", self.rows);
                None
            }
        }
    }
}
