//! Worker liveness: whether each worker thread still answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::rt;
use futures_util::future::join_all;
use tokio::sync::{Notify, mpsc, oneshot};

type Question = oneshot::Sender<()>;

/// Requests an answer from each worker's event loop. This uses no connection, so that neither many
/// clients nor a lack of descriptors look like a hanging worker.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct WorkerLiveness {
    workers: Arc<Mutex<Vec<mpsc::Sender<Question>>>>,
    registered: Arc<Notify>,
}

impl WorkerLiveness {
    /// Adds the calling worker thread, which answers on its event loop from now on.
    pub(in crate::server) fn register_worker(&self) {
        let (questions, mut asked) = mpsc::channel::<Question>(1);
        self.workers().push(questions);
        self.registered.notify_one();
        rt::spawn(async move {
            while let Some(question) = asked.recv().await {
                // An error means that the watchdog no longer waits.
                question.send(()).unwrap_or(());
            }
        });
    }

    /// Resolves when a worker has been added. Before, at the start, silence is no fault.
    pub(in crate::server) async fn started(&self) {
        self.registered.notified().await;
    }

    /// Resolves to true when all workers have answered. False if there is no worker, or if one has
    /// not answered the previous question or has ended; a worker that has ended is forgotten.
    pub(in crate::server) async fn all_alive(&self) -> bool {
        let mut answers = Vec::new();
        {
            let mut workers = self.workers();
            workers.retain(|worker| !worker.is_closed());
            for worker in &*workers {
                let (question, answer) = oneshot::channel();
                if worker.try_send(question).is_err() {
                    return false;
                }
                answers.push(answer);
            }
        }
        !answers.is_empty() && join_all(answers).await.iter().all(Result::is_ok)
    }

    fn workers(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Question>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as blocking;
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use actix_web::rt::{System, task::yield_now, time::timeout};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::WorkerLiveness;

    /// A thread like a worker's, which the test can block.
    struct Worker {
        holds: UnboundedSender<blocking::Receiver<()>>,
        thread: JoinHandle<()>,
    }

    impl Worker {
        fn start(liveness: &WorkerLiveness) -> Self {
            let (holds, mut held) = unbounded_channel::<blocking::Receiver<()>>();
            let (started, starts) = blocking::channel();
            let liveness = liveness.clone();
            let thread = thread::spawn(move || {
                System::new().block_on(async move {
                    liveness.register_worker();
                    started.send(()).unwrap();
                    while let Some(release) = held.recv().await {
                        release.recv().unwrap();
                    }
                });
            });
            starts.recv().unwrap();
            Self { holds, thread }
        }

        fn end(self) {
            drop(self.holds);
            self.thread.join().unwrap();
        }
    }

    #[test]
    fn f14_hanging_worker_stops_the_watchdog() {
        System::new().block_on(async {
            let liveness = WorkerLiveness::default();
            let [first, _second] = [Worker::start(&liveness), Worker::start(&liveness)];
            assert!(liveness.all_alive().await);
            let (release, hold) = blocking::channel();
            first.holds.send(hold).unwrap();
            let unanswered = async { while liveness.all_alive().await {} };
            let noticed = timeout(Duration::from_millis(100), unanswered).await;
            assert!(noticed.is_err(), "one of the two does not answer");
            assert!(!liveness.all_alive().await, "and still does not");
            release.send(()).unwrap();
            while !liveness.all_alive().await {
                yield_now().await;
            }
        });
    }

    #[test]
    fn ended_workers_are_forgotten_but_one_must_be_left() {
        System::new().block_on(async {
            let liveness = WorkerLiveness::default();
            let [first, second] = [Worker::start(&liveness), Worker::start(&liveness)];
            first.end();
            assert!(liveness.all_alive().await);
            second.end();
            assert!(!liveness.all_alive().await);
        });
    }
}
