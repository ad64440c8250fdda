//! Runs blocking steps for the event loop: inline, or on a blocking thread with a concurrency
//! limit and a deadline.

mod concurrency_limit;

use std::time::{Duration, Instant};

use actix_web::{rt, web};
use tokio::sync::Semaphore;

use crate::auth::{Auth, AuthError, Executor};
use crate::domain::{Client, ClientIp, IpPrefix};
use concurrency_limit::ConcurrencyLimit;

/// How long a request waits for its permit and for other writers before 503. Then nothing was
/// done: work that has not begun to write by then fails.
const START_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a request waits for a hanging database. Work that has begun may be done.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2500);

/// The delay of a refusal for overload: a client that retries at once would take CPU time from
/// the logins that wait. At most `DELAYED_REFUSALS` are delayed (bounds memory use); further ones
/// are sent at once.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);
const DELAYED_REFUSALS: usize = 4096;

/// The only way from the event loop to blocking work. A handler says whether it reads or writes;
/// the executor decides where the work runs.
pub struct BlockingExecutor {
    auth: web::Data<Auth>,
    limit: ConcurrencyLimit,
    long_reads: ConcurrencyLimit,
    delays: Semaphore,
}

impl BlockingExecutor {
    pub(super) fn new(auth: web::Data<Auth>) -> Self {
        let limit = ConcurrencyLimit::new(usize::try_from(auth.max_concurrency()).unwrap_or(1));
        // One at a time on SQLite: it holds one of the few connections that the event loops use.
        let long_reads = if auth.supports_inline_reads() {
            ConcurrencyLimit::new(1)
        } else {
            limit.clone()
        };
        Self {
            auth,
            limit,
            long_reads,
            delays: Semaphore::new(DELAYED_REFUSALS),
        }
    }

    /// Runs work that only reads: inline if the database is local, otherwise on a blocking thread.
    ///
    /// # Errors
    /// Those of `work`, and as [`BlockingExecutor::run_write`].
    pub(super) async fn run_read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        self.read(&self.auth, &Client::default(), work).await
    }

    /// Runs work that reads many rows, always on a blocking thread, so that the event loop stays
    /// free.
    ///
    /// # Errors
    /// As [`BlockingExecutor::run_read`].
    pub(super) async fn run_long_read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        self.block(&self.auth, &self.long_reads, None, work).await
    }

    /// Runs work that writes, on a blocking thread.
    ///
    /// # Errors
    /// Those of `work`, and [`AuthError::Busy`] if its permit or its result does not come in time.
    pub(super) async fn run_write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        self.write(&self.auth, &Client::default(), work).await
    }

    /// Waits for a permit, then runs work on a blocking thread. Waiting for a permit blocks no
    /// thread, unlike waiting for a connection. On SQLite there are more permits than connections:
    /// as many as the writers that share a commit. The work holds the permit, not the request: if
    /// the database hangs, clients are refused, and no further thread hangs.
    async fn block<T: Send + 'static>(
        &self,
        auth: &Auth,
        limit: &ConcurrencyLimit,
        subnet: Option<IpPrefix>,
        work: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let limit = limit.clone();
        let auth = auth.with_deadline(Instant::now() + START_TIMEOUT);
        let answer = rt::time::timeout(ANSWER_TIMEOUT, async move {
            let permit = rt::time::timeout(START_TIMEOUT, limit.acquire(subnet)).await;
            let Ok(Some(permit)) = permit else {
                return Err(AuthError::Busy);
            };
            let work = move || {
                let _permit = permit;
                work(&auth)
            };
            let done = web::block(work).await;
            done.map_err(|lost| AuthError::TaskFailed(lost.to_string()))?
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
        if auth.supports_inline_reads() {
            return step(auth);
        }
        let subnet = client.address().map(ClientIp::subnet);
        self.block(auth, &self.limit, subnet, step).await
    }

    async fn write<T: Send + 'static>(
        &self,
        auth: &Auth,
        client: &Client,
        step: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let subnet = client.address().map(ClientIp::subnet);
        self.block(auth, &self.limit, subnet, step).await
    }

    async fn delay_refusal(&self) {
        if let Ok(_delay) = self.delays.try_acquire() {
            rt::time::sleep(REFUSAL_DELAY).await;
        }
    }
}

impl std::fmt::Debug for BlockingExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockingExecutor").finish_non_exhaustive()
    }
}
