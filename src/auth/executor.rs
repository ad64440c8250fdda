//! Executors run the blocking steps of use cases.

use std::future::{Future, ready};

use super::{Auth, AuthError};
use crate::domain::Client;

/// Runs the blocking steps of use cases. A use case is an `async fn` that never blocks by itself.
/// Steps of clients of one subnet may wait for each other.
pub trait Executor {
    /// Runs a step that only reads.
    fn read<T: Send + 'static>(
        &self,
        auth: &Auth,
        client: &Client,
        step: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> impl Future<Output = Result<T, AuthError>>;

    /// Runs a step that writes.
    fn write<T: Send + 'static>(
        &self,
        auth: &Auth,
        client: &Client,
        step: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> impl Future<Output = Result<T, AuthError>>;

    /// Delays the refusal of a client for overload. A client that retries at once would take CPU
    /// time from the logins that wait.
    fn delay_refusal(&self) -> impl Future<Output = ()>;
}

/// Runs each step at once on the calling thread, without delays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

impl Executor for Inline {
    fn read<T: Send + 'static>(
        &self,
        auth: &Auth,
        _: &Client,
        step: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> impl Future<Output = Result<T, AuthError>> {
        ready(step(auth))
    }

    fn write<T: Send + 'static>(
        &self,
        auth: &Auth,
        _: &Client,
        step: impl FnOnce(&Auth) -> Result<T, AuthError> + Send + 'static,
    ) -> impl Future<Output = Result<T, AuthError>> {
        ready(step(auth))
    }

    fn delay_refusal(&self) -> impl Future<Output = ()> {
        ready(())
    }
}
