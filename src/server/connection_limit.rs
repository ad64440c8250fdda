//! The limit on open connections, which follows from the limit on file descriptors.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The largest number of connections of one worker.
const PER_WORKER: usize = 4096;

/// Descriptors for other purposes: the database, logs, the event loops.
const RESERVED: usize = 64;
const RESERVED_PER_WORKER: usize = 8;

/// Raises the limit on descriptors as far as allowed, and returns how many connections a worker
/// may have. Further ones wait in the accept backlog.
pub(super) fn connections_per_worker(workers: NonZeroUsize) -> usize {
    let descriptors = raise_descriptors();
    let limit = fit(descriptors, workers.get());
    if limit < PER_WORKER {
        log::warn!(
            "{descriptors} file descriptors (ulimit -n) are enough for {} connections at \
             once; further connections wait",
            limit.saturating_mul(workers.get())
        );
    }
    limit
}

/// How many connections a worker may have. Each takes two descriptors.
fn fit(descriptors: usize, workers: usize) -> usize {
    let reserved = RESERVED.saturating_add(RESERVED_PER_WORKER.saturating_mul(workers));
    let each = descriptors.saturating_sub(reserved) / 2 / workers.max(1);
    each.clamp(1, PER_WORKER)
}

fn raise_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            log::debug!("the limit on file descriptors stays as it is: {error}");
            limit.current
        }
    };
    // None means no limit.
    current.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn r80_connections_fit_into_the_descriptor_limit() {
        assert_eq!(fit(128, 2), 12);
        assert_eq!(fit(1024, 2), 236);
        assert_eq!(fit(1_048_576, 2), 4096);
        assert_eq!(fit(usize::MAX, 64), 4096);
        assert_eq!(fit(20, 2), 1);
    }
}
