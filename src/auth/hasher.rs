//! The threads that hash passwords, and the queue in front of them.
//!
//! A login costs a quarter of a second of a core. It is spent here and nowhere else, so that
//! as many logins run as there are cores, the rest wait in the order in which they came, and
//! what does not hash does not wait at all.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::{AuthError, HashError};

/// Something to compute on a hashing thread.
pub trait Work: Send + 'static {
    /// What comes of it.
    type Done: Send + 'static;

    /// Computes it; blocks.
    fn run(self) -> Self::Done;
}

type Job = Box<dyn FnOnce() + Send>;

/// When to come back after a refusal: a queue of hashes moves on within a second or two.
const RETRY_AFTER: Duration = Duration::from_secs(2);

pub(super) struct Hasher {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

struct State {
    waiting: VecDeque<Job>,
    closed: bool,
}

/// A place in the queue, to be exchanged for what is computed. Dropping it gives the place
/// up: what nobody waits for is not computed.
#[derive(Debug)]
pub struct Receipt<T>(oneshot::Receiver<T>);

impl<T> Receipt<T> {
    /// Waits without a thread.
    ///
    /// # Errors
    /// [`HashError::NoAnswer`] if the computation panicked or the service ends.
    pub fn wait(self) -> impl Future<Output = Result<T, HashError>> {
        self.0.map(|answer| answer.or(Err(HashError::NoAnswer)))
    }

    /// Waits on this thread, which must not be one of a runtime.
    ///
    /// # Errors
    /// [`HashError::NoAnswer`] if the computation panicked or the service ends.
    pub fn block(self) -> Result<T, HashError> {
        self.0.blocking_recv().or(Err(HashError::NoAnswer))
    }
}

impl Hasher {
    pub(super) fn start(threads: NonZeroUsize, capacity: usize) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            capacity,
        });
        let mut hasher = Self {
            queue,
            threads: Vec::new(),
        };
        for number in 0..threads.get() {
            let queue = Arc::clone(&hasher.queue);
            let thread = thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || queue.work_off())?;
            hasher.threads.push(thread);
        }
        Ok(hasher)
    }

    /// Takes a place in the queue.
    pub(super) fn submit<W: Work>(&self, work: W) -> Result<Receipt<W::Done>, AuthError> {
        let (sender, receiver) = oneshot::channel();
        self.queue.push(Box::new(move || {
            if !sender.is_closed() {
                // The receiver may go away while the hash is computed; then nobody misses it.
                drop(sender.send(work.run()));
            }
        }))?;
        Ok(Receipt(receiver))
    }

    /// Takes a place for something whose outcome nobody waits for.
    pub(super) fn submit_unattended(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.queue.push(Box::new(job)).is_ok()
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), AuthError> {
        let mut state = self.lock();
        if state.waiting.len() >= self.capacity {
            return Err(AuthError::Overloaded {
                retry_after: RETRY_AFTER,
            });
        }
        state.waiting.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn work_off(&self) {
        while let Some(job) = self.next() {
            // A panic has dropped the job's sender, which tells the one who waits.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                log::error!("a hashing job panicked; it is answered as failed");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self
            .changed
            .wait_while(self.lock(), |state| {
                state.waiting.is_empty() && !state.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        state.waiting.pop_front()
    }

    /// Nothing panics while it holds the lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hasher {
    /// What still waits is dropped, and its senders with it.
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.closed = true;
        let abandoned = std::mem::take(&mut state.waiting);
        drop(state);
        drop(abandoned);
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a hashing thread ended in a panic");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    struct Job<F>(F);

    impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> Work for Job<F> {
        type Done = T;

        fn run(self) -> T {
            self.0()
        }
    }

    fn one_thread(capacity: usize) -> Hasher {
        Hasher::start(NonZeroUsize::MIN, capacity).unwrap()
    }

    /// Keeps the only thread busy until the sender is dropped.
    fn occupy(hasher: &Hasher) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (started, begun) = mpsc::channel();
        let job = move || {
            started.send(()).unwrap();
            assert!(released.recv().is_err(), "the other end is dropped");
        };
        assert!(hasher.submit_unattended(job));
        begun.recv().unwrap();
        release
    }

    #[test]
    fn jobs_are_done_in_the_order_in_which_they_came() {
        let hasher = one_thread(10);
        let release = occupy(&hasher);
        let (sender, done) = mpsc::channel();
        let receipts: Vec<_> = (0..5)
            .map(|number| {
                let sender = sender.clone();
                hasher.submit(Job(move || sender.send(number).unwrap()))
            })
            .collect();
        drop(release);
        for receipt in receipts {
            receipt.unwrap().block().unwrap();
        }
        assert_eq!(done.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn r23_more_than_may_wait_are_refused_at_once_and_told_when_to_come_back() {
        let hasher = one_thread(2);
        let release = occupy(&hasher);
        let waiting = [hasher.submit(Job(|| 1)), hasher.submit(Job(|| 2))];
        let refused = hasher.submit(Job(|| 3)).unwrap_err();
        assert!(matches!(refused, AuthError::Overloaded { retry_after } if !retry_after.is_zero()));
        drop(release);
        let done = waiting.map(|receipt| receipt.unwrap().block().unwrap());
        assert_eq!(done, [1, 2]);
    }

    #[test]
    fn what_nobody_waits_for_is_not_computed() {
        let hasher = one_thread(10);
        let release = occupy(&hasher);
        let (sender, computed) = mpsc::channel();
        drop(hasher.submit(Job(move || sender.send(()).unwrap())));
        let last = hasher.submit(Job(|| ())).unwrap();
        drop(release);
        last.block().unwrap();
        assert!(computed.try_recv().is_err());
    }

    #[test]
    fn r78_a_panic_fails_its_job_and_the_thread_goes_on() {
        let hasher = one_thread(10);
        let failed = hasher.submit(Job(|| assert!(std::hint::black_box(false), "on purpose")));
        assert!(matches!(failed.unwrap().block(), Err(HashError::NoAnswer)));
        let next = hasher.submit(Job(|| 7)).unwrap();
        assert_eq!(next.block().unwrap(), 7);
    }

    #[test]
    fn who_waits_when_the_service_ends_is_told() {
        let hasher = one_thread(10);
        let release = occupy(&hasher);
        let waiting = hasher.submit(Job(|| 1)).unwrap();
        let ending = thread::spawn(move || drop(hasher));
        assert!(matches!(waiting.block(), Err(HashError::NoAnswer)));
        drop(release);
        ending.join().unwrap();
    }
}
