use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::Semaphore;

use super::HttpError;
use crate::auth::{After, Auth, AuthError, Paused};

/// How long a client waits for its turn and for other writers before it is told to come
/// back. Then nothing was done: what has not begun to write by that time never will.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits for the answer of a database that hangs. What was begun may be done.
const PATIENCE_WITH_WORK: Duration = Duration::from_millis(2500);

/// How much later than at once a client is told that too many logins wait: who tries again
/// at once, as simple clients do, takes the core from the logins that wait. This many
/// clients are told so at the most, for the sake of the memory; more are told at once.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);
const DELAYED_REFUSALS: usize = 1024;

/// The only way from the event loop to what blocks. A handler says whether it reads,
/// writes, or hashes; where that runs is decided here.
pub struct Door {
    auth: web::Data<Auth>,
    turns: Arc<Semaphore>,
    delays: Semaphore,
}

impl Door {
    pub(super) fn new(auth: web::Data<Auth>) -> Self {
        let turns = Semaphore::new(usize::try_from(auth.turns()).unwrap_or(1));
        Self {
            auth,
            turns: Arc::new(turns),
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
        if self.auth.reads_are_local() {
            Ok(work(&self.auth)?)
        } else {
            self.block(work).await
        }
    }

    /// Does what writes.
    ///
    /// # Errors
    /// Those of `work`, and [`HttpError::Busy`] if its turn or its answer does not come.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        self.block(work).await
    }

    /// Does what hashes: reads up to the hash, waits for it, and writes what follows.
    /// Neither a thread nor a database connection is held in the meantime.
    ///
    /// # Errors
    /// Those of the use case, and those of [`Door::write`].
    pub async fn hashing<A: After>(
        &self,
        before: impl FnOnce(&Auth) -> Result<Paused<A>, AuthError> + Send + 'static,
    ) -> Result<A::Output, HttpError>
    where
        Paused<A>: Send,
    {
        let paused = match self.read(before).await {
            Err(HttpError::Auth(refusal @ AuthError::Overloaded { .. })) => {
                self.delay().await;
                return Err(refusal.into());
            }
            paused => paused?,
        };
        let (receipt, after) = paused.start();
        let done = receipt.wait().await.map_err(AuthError::from)?;
        self.write(move |auth| after.after(auth, done)).await
    }

    async fn delay(&self) {
        if let Ok(_delay) = self.delays.try_acquire() {
            rt::time::sleep(REFUSAL_DELAY).await;
        }
    }

    /// Waits for a turn here, where waiting takes no thread, and not for a connection there,
    /// where it would. The turn belongs to the work, not to the request: where the database
    /// hangs, the client is told so, and no further thread follows the ones that hang.
    async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, HttpError> {
        let turns = Arc::clone(&self.turns);
        let auth = self.auth.clone();
        let deadline = Instant::now() + PATIENCE;
        let answer = rt::time::timeout(PATIENCE_WITH_WORK, async move {
            let turn = rt::time::timeout(PATIENCE, turns.acquire_owned()).await;
            let Ok(Ok(turn)) = turn else {
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

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}
