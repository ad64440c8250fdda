//! The first steps of every use case that hashes: it takes a permit, and checks the rate limits before
//! anything is hashed. Only what decides about a reserved permit is read before there is one.

use super::executor::Executor;
use super::hasher::{HashPermit, Requester};
use super::throttle::Reservation;
use super::{Auth, AuthError};
use crate::domain::{Client, ClientIp, IpPrefix, NormalizedEmail};

impl Auth {
    /// Takes a permit for a hash, and refuses a client that is over a rate limit, without a write.
    /// `recognize` returns the account that knows the client, whose clients may take reserved
    /// permits; `check` checks the limits. Both run only with rate limits on, and only if there is
    /// a permit or a reserved one.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] if there is no permit, [`AuthError::RateLimited`] for a client over
    /// a limit, and the errors of the database.
    pub(super) async fn admit<A: Send + 'static>(
        &self,
        executor: &impl Executor,
        client: &Client,
        mut attempt: A,
        recognize: impl FnOnce(&mut A, &Self) -> Result<Option<NormalizedEmail>, AuthError>
        + Send
        + 'static,
        check: impl FnOnce(&A, &Self) -> Result<(), AuthError> + Send + 'static,
    ) -> Result<(A, HashPermit), AuthError> {
        let network = client.address().map(ClientIp::network);
        let permit = self.acquire_permit(network, None);
        // A client without a device cookie is rarely known, and on PostgreSQL the lookup would
        // cost a round trip.
        let may_be_known = self.supports_inline_reads() || client.device().is_some();
        let looks_up = permit.is_ok() || may_be_known && self.hasher.queue.keeps_permits();
        let admitted = if self.throttles() && looks_up {
            let step = move |auth: &Self| {
                let account = recognize(&mut attempt, auth)?;
                let permit = match permit {
                    Err(refusal) if account.is_none() => return Err(refusal),
                    permit => permit.ok(),
                };
                check(&attempt, auth)?;
                let permit = match permit {
                    Some(permit) => permit,
                    None => auth.acquire_permit(network, account)?,
                };
                Ok((attempt, permit))
            };
            executor.read(self, client, step).await
        } else {
            permit.map(|permit| (attempt, permit))
        };
        if matches!(admitted, Err(AuthError::Overloaded { .. })) {
            executor.delay_refusal().await;
        }
        admitted
    }

    /// Runs the step that counts an attempt and looks up its account. Without rate limits it only
    /// reads.
    pub(super) async fn run_count_step<T: Send + 'static>(
        &self,
        executor: &impl Executor,
        client: &Client,
        step: impl FnOnce(&Self) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        if self.throttles() {
            executor.write(self, client, step).await
        } else {
            executor.read(self, client, step).await
        }
    }

    /// Refunds a reservation in the background, if the use case failed through the service's own
    /// fault.
    pub(super) fn refund_if_ours(&self, reservation: &Reservation, cause: &AuthError) {
        if cause.describe().is_refunded {
            self.refund(reservation);
        }
    }

    /// Refunds a reservation in the background.
    pub(super) fn refund(&self, reservation: &Reservation) {
        if self.throttles() {
            self.background_writes.refund(reservation.clone());
        }
    }

    /// Takes a permit for a client in this network; with an account, one of those reserved for its
    /// known clients. Never blocks.
    fn acquire_permit(
        &self,
        network: Option<IpPrefix>,
        account: Option<NormalizedEmail>,
    ) -> Result<HashPermit, AuthError> {
        let whose = match account {
            _ if !self.throttles() => Requester::Unlimited,
            Some(account) => Requester::Known { network, account },
            None => Requester::Stranger(network),
        };
        let rounds = self.settings.passwords.bcrypt_cost.rounds();
        self.hasher.queue.acquire_permit(rounds, whose)
    }

    /// Whether rate limits are on.
    fn throttles(&self) -> bool {
        self.settings.throttle.throttle
    }
}
