//! The loop of a hashing thread: it fills its lanes from the queue and advances them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Instant;

use bcrypt_lanes::{Input, Lanes};

use super::LANES;
use super::job::Job;
use super::queue::{Queue, Thread};

/// The niceness of the hashing threads, so that requests without a hash get a core at once.
/// With a much higher one, a flood of refused requests would starve the hashing
/// (`docs/benchmarks.md`).
const NICE: i32 = 10;

/// How many rounds are computed before the thread polls the queue and yields the core: half a
/// millisecond with four lanes. Without the yield, the kernel lets a computing thread finish
/// its time slice of some milliseconds, even if a thread of higher priority wakes up.
const ROUNDS_AT_ONCE: u64 = 8;

/// Runs a hashing thread until the queue is closed.
pub(super) fn work(queue: &Queue, number: usize) {
    if let Err(error) = rustix::process::nice(NICE) {
        log::warn!("cannot lower the priority of password hashing: {error}");
    }
    // A panic drops the lanes and the jobs of this thread, whose receivers see a failure. The
    // thread continues with the jobs in the queue.
    while catch_unwind(AssertUnwindSafe(|| fill_and_advance(queue, number))).is_err() {
        log::error!("a hash job panicked; all jobs that ran on this thread failed");
    }
}

fn fill_and_advance(queue: &Queue, number: usize) {
    let mut lanes = Lanes::<Job, LANES>::new();
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
                go_on(&mut lanes, job.advance(None));
            }
        }
        let lanes_used = LANES - lanes.idle();
        let rounds = lanes.advance(ROUNDS_AT_ONCE);
        while let Some((job, digest)) = lanes.take_finished() {
            go_on(&mut lanes, job.advance(Some(digest)));
        }
        lanes.retain(Job::is_awaited);
        thread::yield_now();
        pace = (lanes_used == LANES).then(|| seconds_a_round(begin, rounds));
    }
}

fn seconds_a_round(begin: Instant, rounds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few times four")]
    let computed = (rounds * LANES as u64) as f64;
    begin.elapsed().as_secs_f64() / computed
}

/// Begins the next computation of a job. A lane is idle: the one that the job has just left,
/// or the one for which it was taken from the queue.
fn go_on(lanes: &mut Lanes<Job, LANES>, step: Option<(Box<Input>, Job)>) {
    if let Some((input, job)) = step
        && lanes.begin(&input, job).is_err()
    {
        log::error!("a hash job found no idle lane and failed");
    }
}
