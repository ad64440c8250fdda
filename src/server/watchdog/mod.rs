//! The watchdog: probes workers and database, and notifies systemd while both answer.

mod service_manager;
mod worker_liveness;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::{Semaphore, oneshot};

pub(super) use service_manager::ServiceManager;
pub(super) use worker_liveness::WorkerLiveness;

use crate::auth::{Auth, AuthError};
use crate::db::{DbError, Unavailable};

/// How often the watchdog probes the service if systemd requires no watchdog.
const PERIOD: Duration = Duration::from_secs(10);

/// How many probes of the database may be unanswered at once.
const DATABASE_PROBES_MAX: usize = 3;

/// Probes the service periodically. It notifies systemd when the service is ready, and then as long
/// as it is healthy.
///
/// systemd restarts a service that does not notify it in time. So the notification is left out
/// only in cases that a restart can solve: workers or connections that hang. A restart does not
/// help if the database answers with an error or is unreachable.
pub(super) struct Watchdog {
    manager: Arc<ServiceManager>,
    liveness: WorkerLiveness,
    auth: web::Data<Auth>,
    database_probes: Arc<Semaphore>,
    period: Duration,
    /// What was found wrong at the start, for the status line.
    remarks: Vec<String>,
}

/// The result of one probe.
#[derive(Debug, PartialEq, Eq)]
enum Probe {
    Healthy,
    /// The database answered with an error.
    DatabaseError(String),
    /// There was no answer. The text is the log message.
    NoAnswer(&'static str),
}

impl Watchdog {
    pub(super) fn new(
        manager: Arc<ServiceManager>,
        auth: web::Data<Auth>,
        remarks: Vec<String>,
    ) -> Self {
        Self {
            manager,
            liveness: WorkerLiveness::default(),
            auth,
            remarks,
            database_probes: Arc::new(Semaphore::new(DATABASE_PROBES_MAX)),
            // So two probes may be late before systemd restarts the service.
            period: ServiceManager::watchdog().map_or(PERIOD, |within| within / 3),
        }
    }

    /// Where the workers show that they are alive.
    pub(super) fn liveness(&self) -> WorkerLiveness {
        self.liveness.clone()
    }

    /// Probes until the task is aborted.
    pub(super) async fn run(self) {
        let mut ready = false;
        // The workers start beside this task. Without a worker after that time, the probe says so.
        drop(rt::time::timeout(self.period, self.liveness.started()).await);
        loop {
            let next = rt::time::sleep(self.period);
            let status = match self.probe().await {
                Probe::NoAnswer(what) => {
                    log::error!("{what} for {:?}", self.period);
                    what.to_owned()
                }
                answer @ (Probe::Healthy | Probe::DatabaseError(_)) => {
                    if !ready {
                        self.manager.ready();
                        ready = true;
                    }
                    self.manager.alive();
                    match answer {
                        Probe::DatabaseError(error) => format!("serving; {error}"),
                        Probe::Healthy | Probe::NoAnswer(_) => self.serving(),
                    }
                }
            };
            self.manager.status(&status);
            next.await;
        }
    }

    /// The status of a healthy service.
    fn serving(&self) -> String {
        let remarks = self.remarks.iter().map(|remark| format!("; {remark}"));
        format!("serving{}", remarks.collect::<String>())
    }

    async fn probe(&self) -> Probe {
        let alive = rt::time::timeout(self.period, self.liveness.all_alive()).await;
        if !alive.unwrap_or(false) {
            return Probe::NoAnswer("the workers do not answer");
        }
        // While an earlier probe hangs, an error is no proof that requests get answers.
        let hangs = self.database_probes.available_permits() < DATABASE_PROBES_MAX;
        let answer = rt::time::timeout(self.period, self.probe_database()).await;
        judge(answer.ok().flatten(), hangs)
    }

    /// Probes the database on a detached thread, so that a hanging database does not block the
    /// shutdown. At most [`DATABASE_PROBES_MAX`] threads may hang at once.
    async fn probe_database(&self) -> Option<Result<(), AuthError>> {
        let permit = Arc::clone(&self.database_probes).try_acquire_owned().ok()?;
        let (answer, answered) = oneshot::channel();
        let auth = self.auth.clone();
        let until = Instant::now() + self.period / 2;
        let thread = thread::Builder::new().name("probe".into());
        let started = thread.spawn(move || {
            let outcome = auth.with_deadline(until).check();
            drop((auth, permit));
            drop(answer.send(outcome));
        });
        match started {
            Ok(_) => answered.await.ok(),
            Err(error) => {
                log::error!("cannot start a thread to probe the database: {error}");
                None
            }
        }
    }
}

/// The result of a probe with this answer of the database, if there was one in time.
fn judge(answer: Option<Result<(), AuthError>>, hangs: bool) -> Probe {
    match answer {
        Some(Ok(())) => Probe::Healthy,
        Some(Err(error)) if !hangs && !is_timeout(&error) => {
            Probe::DatabaseError(error.to_string())
        }
        Some(Err(_)) | None => Probe::NoAnswer("the database does not answer"),
    }
}

/// Whether an error means only that the probe waited for other work until its deadline.
fn is_timeout(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::Unavailable(DbError::Unavailable(
            Unavailable::InUse | Unavailable::DeadlineExceeded
        ))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f14_an_error_is_an_answer_unless_it_is_a_timeout() {
        let unavailable = |why| AuthError::Unavailable(DbError::Unavailable(why));
        let is_silent = |probe| matches!(probe, Probe::NoAnswer(_));
        assert_eq!(judge(Some(Ok(())), true), Probe::Healthy);
        assert!(is_silent(judge(None, false)));
        for waits in [Unavailable::InUse, Unavailable::DeadlineExceeded] {
            assert!(is_silent(judge(Some(Err(unavailable(waits))), false)));
        }
        let error = || Some(Err(AuthError::NoResultFound));
        assert!(matches!(judge(error(), false), Probe::DatabaseError(_)));
        assert!(is_silent(judge(error(), true)), "another probe hangs");
    }
}
