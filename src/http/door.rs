use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::Semaphore;

use super::HttpError;
use super::turns::Turns;
use crate::auth::{After, Auth, AuthError, Before, Paused, Place};
use crate::domain::{ClientAddress, Prefix};

/// How long a client waits for its turn and for other writers before it is told to come
/// back. Then nothing was done: what has not begun to write by that time never will.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits for the answer of a database that hangs. What was begun may be done.
const PATIENCE_WITH_WORK: Duration = Duration::from_millis(2500);

/// How much later than at once a client is told that too many logins wait: who tries again
/// at once, as simple clients do, takes the core from the logins that wait. This many
/// clients are told so at the most, for the sake of the memory; more are told at once.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);
const DELAYED_REFUSALS: usize = 4096;

/// The only way from the event loop to what blocks. A handler says whether it reads,
/// writes, or hashes; where that runs is decided here.
pub struct Door {
    auth: web::Data<Auth>,
    turns: Turns,
    long_reads: Turns,
    delays: Semaphore,
}

impl Door {
    pub(super) fn new(auth: web::Data<Auth>) -> Self {
        let turns = Turns::new(usize::try_from(auth.turns()).unwrap_or(1));
        // One at a time on SQLite: it holds one of the few connections on which the event
        // loops read.
        let long_reads = if auth.reads_are_local() {
            Turns::new(1)
        } else {
            turns.clone()
        };
        Self {
            auth,
            turns,
            long_reads,
            delays: Semaphore::new(DELAYED_REFUSALS),
        }
    }

    /// Does what only reads: on the spot where a look-up is faster than handing it over,
    /// else on a thread for blocking work.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        self.read_for(None, work).await
    }

    /// The same for a client of that site: sites take turns at a database that is in use.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn read_for<T: Send + 'static>(
        &self,
        subnet: Option<Prefix>,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        if self.auth.reads_are_local() {
            Ok(work(&self.auth)?)
        } else {
            self.block(&self.turns, subnet, work).await
        }
    }

    /// Does what reads many rows: always on a thread for blocking work, so that the event loop
    /// answers others meanwhile.
    ///
    /// # Errors
    /// As [`Door::write`].
    pub async fn read_many<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        self.block(&self.long_reads, None, work).await
    }

    /// Does what writes.
    ///
    /// # Errors
    /// Those of `work`, and [`HttpError::Busy`] if its turn or its answer does not come.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        self.write_for(None, work).await
    }

    /// The same for a client of that site.
    ///
    /// # Errors
    /// Those of [`Door::write`].
    pub async fn write_for<T: Send + 'static>(
        &self,
        subnet: Option<Prefix>,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        self.block(&self.turns, subnet, work).await
    }

    /// Does what hashes: takes a place, reads and counts up to the hash, waits for it, and
    /// writes what follows. Neither a thread nor a database connection is held in the meantime.
    ///
    /// # Errors
    /// Those of the use case, and those of [`Door::write`].
    pub async fn hashing<B: Before + Sync>(
        &self,
        case: B,
    ) -> Result<<B::After as After>::Output, HttpError>
    where
        Paused<B::After>: Send,
    {
        let attempt = case.attempt();
        let subnet = subnet_of(&case);
        let paused = self.begin(case).await.inspect_err(|error| {
            if let HttpError::Auth(cause) = error {
                attempt.refused(cause);
            }
        })?;
        let taken = paused.taken();
        let (receipt, after) = paused.start();
        let outcome = match receipt.wait().await {
            Ok(done) => {
                self.write_for(subnet, move |auth| after.after(auth, done))
                    .await
            }
            Err(error) => Err(AuthError::from(error).into()),
        };
        if outcome.as_ref().is_err_and(HttpError::gives_back) {
            self.auth.give_back(taken);
        }
        outcome
    }

    async fn begin<B: Before + Sync>(&self, case: B) -> Result<Paused<B::After>, HttpError>
    where
        Paused<B::After>: Send,
    {
        let subnet = subnet_of(&case);
        let (case, place) = match self.place(case).await {
            Err(HttpError::Auth(refusal @ AuthError::Overloaded { .. })) => {
                self.delay().await;
                return Err(refusal.into());
            }
            placed => placed?,
        };
        let begin = move |auth: &Auth| case.begin(auth, place);
        if self.auth.throttles() {
            self.write_for(subnet, begin).await
        } else {
            self.read_for(subnet, begin).await
        }
    }

    /// Takes a place in the queue, and refuses who has to wait anyway. Whether the account
    /// knows the client is found out only after there is a place, or where one is kept.
    async fn place<B: Before>(&self, mut case: B) -> Result<(B, Place), HttpError> {
        case.admit(&self.auth)?;
        let subnet = subnet_of(&case);
        let place = self.auth.place_for(case.client(), None);
        if !self.auth.throttles() {
            return Ok((case, place?));
        }
        if let Err(refusal) = place {
            // A stranger shows no device: then a look over the network would cost a turn.
            let worth_a_look = self.auth.reads_are_local() || case.client().device().is_some();
            if !worth_a_look || !self.auth.keeps_places() {
                return Err(refusal.into());
            }
            return self
                .read_for(subnet, move |auth| {
                    let Some(account) = case.recognise(auth)? else {
                        return Err(refusal);
                    };
                    case.check(auth)?;
                    let place = auth.place_for(case.client(), Some(account))?;
                    Ok((case, place))
                })
                .await;
        }
        let place = place?;
        self.read_for(subnet, move |auth| {
            case.recognise(auth)?;
            case.check(auth)?;
            Ok((case, place))
        })
        .await
    }

    async fn delay(&self) {
        if let Ok(_delay) = self.delays.try_acquire() {
            rt::time::sleep(REFUSAL_DELAY).await;
        }
    }

    /// Waits for a turn here, where waiting takes no thread, and not for a connection there,
    /// where it would. On SQLite there are more turns than connections: as many threads wait
    /// for each other as share a commit. The turn belongs to the work, not to the request: where the database
    /// hangs, the client is told so, and no further thread follows the ones that hang.
    async fn block<T: Send + 'static>(
        &self,
        turns: &Turns,
        subnet: Option<Prefix>,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        let turns = turns.clone();
        let auth = self.auth.clone();
        let deadline = Instant::now() + PATIENCE;
        let answer = rt::time::timeout(PATIENCE_WITH_WORK, async move {
            let turn = rt::time::timeout(PATIENCE, turns.take(subnet)).await;
            let Ok(Some(turn)) = turn else {
                return Err(HttpError::Busy);
            };
            let work = move || {
                let _turn = turn;
                work(&auth.until(deadline))
            };
            Ok(web::block(work).await??)
        });
        answer.await.unwrap_or(Err(HttpError::Busy))
    }
}

fn subnet_of(case: &impl Before) -> Option<Prefix> {
    case.client().address().map(ClientAddress::subnet)
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}
