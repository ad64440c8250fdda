//! The first steps of every use case that hashes: it takes a permit, and checks the rate limits before
//! anything is hashed. Only what decides about a reserved permit is read before there is one.

use super::executor::Executor;
use super::hasher::{HashPermit, Requester};
use super::throttle::Reservation;
use super::{Auth, AuthError};
use crate::domain::{Client, ClientIp, NormalizedEmail};

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
        let refusal = match self.permit_for(client, None) {
            Ok(permit) if !self.throttles() => return Ok((attempt, permit)),
            Ok(permit) => {
                let step = move |auth: &Self| {
                    recognize(&mut attempt, auth)?;
                    check(&attempt, auth)?;
                    Ok((attempt, permit))
                };
                return executor.read(self, client, step).await;
            }
            Err(refusal) => refusal,
        };
        // A client without a device cookie is rarely known, and on PostgreSQL the lookup would
        // cost a round trip.
        let may_be_known = self.supports_inline_reads() || client.device().is_some();
        let admitted = if self.throttles() && may_be_known && self.hasher.queue.keeps_permits() {
            let owned = client.clone();
            let step = move |auth: &Self| {
                let Some(account) = recognize(&mut attempt, auth)? else {
                    return Err(refusal);
                };
                check(&attempt, auth)?;
                let permit = auth.permit_for(&owned, Some(account))?;
                Ok((attempt, permit))
            };
            executor.read(self, client, step).await
        } else {
            Err(refusal)
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

    /// Takes a permit for a client; with an account, one of those reserved for its known clients.
    /// Never blocks.
    fn permit_for(
        &self,
        client: &Client,
        account: Option<NormalizedEmail>,
    ) -> Result<HashPermit, AuthError> {
        let network = client.address().map(ClientIp::network);
        let whose = match account {
            _ if !self.throttles() => Requester::Unlimited,
            Some(account) => Requester::Known { network, account },
            None => Requester::Stranger(network),
        };
        let rounds = self.settings.bcrypt_cost.rounds();
        self.hasher.queue.acquire_permit(rounds, whose)
    }

    /// Whether rate limits are on.
    fn throttles(&self) -> bool {
        self.settings.throttle.throttle
    }
}
