//! What a hashing thread does: fills its lanes from the queue and advances them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Instant;

use super::LANES;
use super::job::QueuedJob;
use super::queue::{Queue, Thread};
use crate::bcrypt_lanes::{Input, Lanes};

/// How much lower the priority of hashing is than that of the rest of the process. Requests
/// that do not hash then find a core at once; much lower, and a flood of refusals would leave
/// the hashing nothing (`docs/benchmarks.md`).
const NICE: i32 = 10;

/// How many rounds are computed before a look at the queue and at the other threads of the
/// core: half a millisecond of four lanes. The kernel lets a thread that computes have its
/// time slice, some milliseconds, against one of higher priority that wakes up; the yield
/// ends the slice.
const ROUNDS_AT_ONCE: u64 = 8;

/// What a hashing thread does until the end of the service.
pub(super) fn work(queue: &Queue, number: usize) {
    if let Err(error) = rustix::process::nice(NICE) {
        log::warn!("hashing runs at the same priority as everything else: {error}");
    }
    // A panic has dropped the jobs of this thread, which tells those who wait for them, and
    // the lanes with them. The thread begins anew with what waits.
    while catch_unwind(AssertUnwindSafe(|| fill_and_advance(queue, number))).is_err() {
        log::error!("a hashing job panicked; what this thread had in hand is answered as failed");
    }
}

fn fill_and_advance(queue: &Queue, number: usize) {
    let mut lanes = Lanes::<Box<dyn QueuedJob>, LANES>::new();
    let mut pace = None;
    loop {
        let jobs = queue.take(Thread {
            number,
            at_rest: lanes.idle() == LANES,
            idle_lanes: lanes.idle(),
            pace,
        });
        let Some(jobs) = jobs else {
            return;
        };
        let begin = Instant::now();
        for job in jobs {
            if job.is_awaited() {
                go_on(&mut lanes, job.begin());
            }
        }
        let lanes_used = LANES - lanes.idle();
        let rounds = lanes.advance(ROUNDS_AT_ONCE);
        while let Some((job, digest)) = lanes.take_finished() {
            go_on(&mut lanes, job.proceed(&digest));
        }
        lanes.retain(|job| job.is_awaited());
        thread::yield_now();
        pace = (lanes_used == LANES).then(|| seconds_a_round(begin, rounds));
    }
}

fn seconds_a_round(begin: Instant, rounds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few times four")]
    let computed = (rounds * LANES as u64) as f64;
    begin.elapsed().as_secs_f64() / computed
}

/// The lane that a job comes from, or was taken for, is idle.
fn go_on(lanes: &mut Lanes<Box<dyn QueuedJob>, LANES>, step: Option<(Input, Box<dyn QueuedJob>)>) {
    if let Some((input, job)) = step
        && lanes.begin(&input, job).is_err()
    {
        log::error!("a hashing job found no lane; it is answered as failed");
    }
}
