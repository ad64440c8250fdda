//! Checks workers and database, and tells systemd while both answer.

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

/// How often the watchdog probes the service if systemd asks for no watchdog.
const PERIOD: Duration = Duration::from_secs(10);

/// How many probes of the database may be unanswered at once.
const DATABASE_PROBES_MAX: usize = 3;

/// Probes the service again and again: notifies systemd when it is ready, and then as long as
/// it is well.
///
/// systemd restarts a service that does not notify it in time. So the watchdog is silent only
/// about what a restart repairs: workers or connections that are stuck. A restart does not help
/// against a database that answers with an error or cannot be reached.
pub(super) struct Watchdog {
    manager: Arc<ServiceManager>,
    liveness: WorkerLiveness,
    auth: web::Data<Auth>,
    database_probes: Arc<Semaphore>,
    period: Duration,
}

/// The result of one probe.
#[derive(Debug, PartialEq, Eq)]
enum Probe {
    Healthy,
    /// The database answered with an error.
    DatabaseError(String),
    /// There was no answer; the text says from what.
    NoAnswer(&'static str),
}

impl Watchdog {
    pub(super) fn new(
        manager: Arc<ServiceManager>,
        liveness: WorkerLiveness,
        auth: web::Data<Auth>,
    ) -> Self {
        Self {
            manager,
            liveness,
            auth,
            database_probes: Arc::new(Semaphore::new(DATABASE_PROBES_MAX)),
            // Two may be late before the third is missed.
            period: ServiceManager::watchdog().map_or(PERIOD, |within| within / 3),
        }
    }

    /// Probes until the task is aborted.
    pub(super) async fn run(self) {
        let mut ready = false;
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
                        Probe::Healthy | Probe::NoAnswer(_) => "serving".to_owned(),
                    }
                }
            };
            self.manager.status(&status);
            next.await;
        }
    }

    async fn probe(&self) -> Probe {
        let alive = rt::time::timeout(self.period, self.liveness.all_alive()).await;
        if !alive.unwrap_or(false) {
            return Probe::NoAnswer("the workers do not answer");
        }
        // While an earlier probe is unanswered, an error does not show that others get answers.
        let hangs = self.database_probes.available_permits() < DATABASE_PROBES_MAX;
        let answer = rt::time::timeout(self.period, self.probe_database()).await;
        judge(answer.ok().flatten(), hangs)
    }

    /// Runs on a detached thread, so that a database that hangs does not block the shutdown.
    /// At most [`DATABASE_PROBES_MAX`] threads hang at once.
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
                log::error!("no thread for a look into the database: {error}");
                None
            }
        }
    }
}

/// Judges an answer of the database, if there was one in time.
fn judge(answer: Option<Result<(), AuthError>>, hangs: bool) -> Probe {
    match answer {
        Some(Ok(())) => Probe::Healthy,
        Some(Err(error)) if !hangs && !is_timeout(&error) => {
            Probe::DatabaseError(error.to_string())
        }
        Some(Err(_)) | None => {
            Probe::NoAnswer("the database does not answer, with an error or without")
        }
    }
}

/// Whether an error only says that the probe waited for others until its deadline.
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
    fn f14_an_error_counts_as_an_answer_unless_it_only_says_wait() {
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
