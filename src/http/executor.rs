//! Runs blocking steps for the event loop: inline, or on a blocking thread under a limit and a deadline.

use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::Semaphore;

use super::turns::Turns;
use crate::auth::{Auth, AuthError, Executor};
use crate::domain::{Client, ClientAddress, Prefix};

/// How long a request waits for its turn and for other writers before 503. Then nothing was
/// done: work that has not begun to write by that time never does.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits for the answer of a database that hangs. What was begun may be done.
const PATIENCE_WITH_WORK: Duration = Duration::from_millis(2500);

/// The delay of a refusal because too many logins wait: a client that retries at once would
/// take the core from them. At most so many refusals are delayed (bounds memory use); further
/// ones are sent at once.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);
const DELAYED_REFUSALS: usize = 4096;

/// The only way from the event loop to blocking work. A handler says whether it reads or
/// writes; this decides where that runs.
pub struct BlockingExecutor {
    auth: web::Data<Auth>,
    turns: Turns,
    long_reads: Turns,
    delays: Semaphore,
}

impl BlockingExecutor {
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

    /// Runs what only reads: at once where the database is local, else on a thread for blocking
    /// work.
    ///
    /// # Errors
    /// Those of `work`, and as [`BlockingExecutor::run_write`].
    pub(super) async fn run_read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        self.read(&self.auth, &Client::default(), work).await
    }

    /// Runs what reads many rows: always on a thread for blocking work, so that the event loop
    /// answers others meanwhile.
    ///
    /// # Errors
    /// As [`BlockingExecutor::run_read`].
    pub(super) async fn run_long_read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        self.block(&self.auth, &self.long_reads, None, work).await
    }

    /// Runs what writes, on a thread for blocking work.
    ///
    /// # Errors
    /// Those of `work`, and [`AuthError::Busy`] if its turn or its answer does not come.
    pub(super) async fn run_write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        self.write(&self.auth, &Client::default(), work).await
    }

    /// Waits for a turn at the database here, where waiting takes no thread, and not for a
    /// connection on a thread. On SQLite there are more turns than connections: as many threads
    /// wait for each other as share a commit. The turn belongs to the work, not to the request:
    /// where the database hangs, the client gets its refusal, and no further thread follows the
    /// ones that hang.
    async fn block<T: Send + 'static>(
        &self,
        auth: &Auth,
        turns: &Turns,
        subnet: Option<Prefix>,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let turns = turns.clone();
        let auth = auth.until(Instant::now() + PATIENCE);
        let answer = rt::time::timeout(PATIENCE_WITH_WORK, async move {
            let turn = rt::time::timeout(PATIENCE, turns.take(subnet)).await;
            let Ok(Some(turn)) = turn else {
                return Err(AuthError::Busy);
            };
            let work = move || {
                let _turn = turn;
                work(&auth)
            };
            let done = web::block(work).await;
            done.map_err(|lost| AuthError::Lost(lost.to_string()))?
        });
        answer.await.unwrap_or(Err(AuthError::Busy))
    }
}

impl Executor for BlockingExecutor {
    async fn read<T: Send + 'static>(
        &self,
        auth: &Auth,
        client: &Client,
        step: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        if auth.reads_are_local() {
            step(auth)
        } else {
            self.block(auth, &self.turns, site_of(client), step).await
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        auth: &Auth,
        client: &Client,
        step: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        self.block(auth, &self.turns, site_of(client), step).await
    }

    async fn delay_refusal(&self) {
        if let Ok(_delay) = self.delays.try_acquire() {
            rt::time::sleep(REFUSAL_DELAY).await;
        }
    }
}

fn site_of(client: &Client) -> Option<Prefix> {
    client.address().map(ClientAddress::subnet)
}

impl std::fmt::Debug for BlockingExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockingExecutor").finish_non_exhaustive()
    }
}
