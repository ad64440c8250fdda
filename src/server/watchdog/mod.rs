//! Checks workers and database, and tells systemd while both answer.

mod service_manager;
mod worker_liveness;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::{Semaphore, oneshot};

pub(super) use service_manager::Manager;
pub(super) use worker_liveness::WorkerLiveness;

use crate::auth::{Auth, AuthError};
use crate::db::{DbError, Unavailable};

/// How often the service looks at itself if nobody asks for a watchdog.
const PERIOD: Duration = Duration::from_secs(10);

/// How many looks into the database may be without an answer at once.
const LOOKS: usize = 3;

/// The service's look at itself, again and again: tells who started it when it is ready, and
/// then that it is well, or does not.
///
/// Whoever hears nothing for long ends the process and starts it anew. So it keeps silent only
/// about what a new process could mend: workers or connections that are stuck. A database that
/// answers with an error, or that cannot be reached, is no better for another process.
pub(super) struct Watchdog {
    manager: Arc<Manager>,
    pulse: WorkerLiveness,
    auth: web::Data<Auth>,
    looks: Arc<Semaphore>,
    period: Duration,
}

/// What came of one look.
#[derive(Debug, PartialEq, Eq)]
enum Probe {
    Well,
    /// The database says what it lacks.
    Lacking(String),
    /// No answer, and from whom.
    Silent(&'static str),
}

impl Watchdog {
    pub(super) fn new(manager: Arc<Manager>, pulse: WorkerLiveness, auth: web::Data<Auth>) -> Self {
        Self {
            manager,
            pulse,
            auth,
            looks: Arc::new(Semaphore::new(LOOKS)),
            // Two may be late before the third is missed.
            period: Manager::watchdog().map_or(PERIOD, |within| within / 3),
        }
    }

    /// Looks on for ever.
    pub(super) async fn on(self) {
        let mut ready = false;
        loop {
            let next = rt::time::sleep(self.period);
            match self.look().await {
                Probe::Silent(who) => {
                    log::error!("{who} for {:?}", self.period);
                    self.manager.status(who);
                }
                look @ (Probe::Well | Probe::Lacking(_)) => {
                    if !ready {
                        self.manager.ready();
                        ready = true;
                    }
                    self.manager.alive();
                    match look {
                        Probe::Lacking(what) => self.manager.status(&format!("serving; {what}")),
                        Probe::Well | Probe::Silent(_) => self.manager.status("serving"),
                    }
                }
            }
            next.await;
        }
    }

    async fn look(&self) -> Probe {
        let felt = rt::time::timeout(self.period, self.pulse.is_felt()).await;
        if !felt.unwrap_or(false) {
            return Probe::Silent("the workers do not answer");
        }
        // One that was not answered yet: then only a right answer tells that others can be.
        let hangs = self.looks.available_permits() < LOOKS;
        let answer = rt::time::timeout(self.period, self.ask_database()).await;
        judge(answer.ok().flatten(), hangs)
    }

    /// On a thread of its own, which is left behind if it hangs. The process can end all the
    /// same, and so many may hang and no more.
    async fn ask_database(&self) -> Option<Result<(), AuthError>> {
        let turn = Arc::clone(&self.looks).try_acquire_owned().ok()?;
        let (answer, answered) = oneshot::channel();
        let auth = self.auth.clone();
        let until = Instant::now() + self.period / 2;
        let started = thread::Builder::new().name("look".into()).spawn(move || {
            let outcome = auth.until(until).check();
            drop((auth, turn));
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

/// The verdict on an answer of the database, if there was one in time.
fn judge(answer: Option<Result<(), AuthError>>, hangs: bool) -> Probe {
    match answer {
        Some(Ok(())) => Probe::Well,
        Some(Err(error)) if !hangs && !is_silence(&error) => Probe::Lacking(error.to_string()),
        Some(Err(_)) | None => {
            Probe::Silent("the database does not answer, with an error or without")
        }
    }
}

/// Whether an error only says that others were in the way for all of the time.
fn is_silence(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::Unavailable(DbError::Unavailable(Unavailable::InUse | Unavailable::Late))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f14_an_error_counts_as_an_answer_unless_it_only_says_wait() {
        let unavailable = |why| AuthError::Unavailable(DbError::Unavailable(why));
        let is_silent = |look| matches!(look, Probe::Silent(_));
        assert_eq!(judge(Some(Ok(())), true), Probe::Well);
        assert!(is_silent(judge(None, false)));
        for waits in [Unavailable::InUse, Unavailable::Late] {
            assert!(is_silent(judge(Some(Err(unavailable(waits))), false)));
        }
        let error = || Some(Err(AuthError::NoResultFound));
        assert!(matches!(judge(error(), false), Probe::Lacking(_)));
        assert!(is_silent(judge(error(), true)), "another look hangs");
    }
}
