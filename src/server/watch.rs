use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::{Semaphore, oneshot};

use super::manager::Manager;
use super::pulse::Pulse;
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
pub(super) struct Watch {
    manager: Arc<Manager>,
    pulse: Pulse,
    auth: web::Data<Auth>,
    looks: Arc<Semaphore>,
    period: Duration,
}

/// What came of one look.
enum Look {
    Well,
    /// The database says what it lacks.
    Lacking(String),
    /// No answer, and from whom.
    Silent(&'static str),
}

impl Watch {
    pub(super) fn new(manager: Arc<Manager>, pulse: Pulse, auth: web::Data<Auth>) -> Self {
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
                Look::Silent(who) => {
                    log::error!("{who} for {:?}", self.period);
                    self.manager.status(who);
                }
                look @ (Look::Well | Look::Lacking(_)) => {
                    if !ready {
                        self.manager.ready();
                        ready = true;
                    }
                    self.manager.alive();
                    match look {
                        Look::Lacking(what) => self.manager.status(&format!("serving; {what}")),
                        Look::Well | Look::Silent(_) => self.manager.status("serving"),
                    }
                }
            }
            next.await;
        }
    }

    async fn look(&self) -> Look {
        let felt = rt::time::timeout(self.period, self.pulse.is_felt()).await;
        if !felt.unwrap_or(false) {
            return Look::Silent("the workers do not answer");
        }
        // One that was not answered yet: then only a right answer tells that others can be.
        let hangs = self.looks.available_permits() < LOOKS;
        let silent = Look::Silent("the database does not answer, with an error or without");
        match rt::time::timeout(self.period, self.ask_database()).await {
            Ok(Some(Ok(()))) => Look::Well,
            Ok(Some(Err(error))) if !hangs && !is_silence(&error) => {
                Look::Lacking(error.to_string())
            }
            Ok(Some(Err(_)) | None) | Err(_) => silent,
        }
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

/// Whether an error only says that others were in the way for all of the time.
fn is_silence(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::Unavailable(DbError::Unavailable(Unavailable::InUse | Unavailable::Late))
    )
}
