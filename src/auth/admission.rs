//! The first steps of every use case that hashes: a permit for the hash before anything is read,
//! and the rate limits before anything is hashed.

use super::executor::Executor;
use super::hasher::{HashPermit, Requester};
use super::{Auth, AuthError, Reservation};
use crate::domain::{Client, ClientIp, NormalizedEmail};

impl Auth {
    /// Takes a permit for a hash, and refuses a client that is over a rate limit, without a write.
    /// `recognize` returns the account that knows the client, for which permits are kept, and
    /// `check` looks at the limits. Both are only run where attempts are counted, and only after
    /// there is a permit, or where one is kept.
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
        // A client that shows no device is hardly known: a look-up over the network would cost
        // a turn at the database.
        let may_be_known = self.supports_inline_reads() || client.device().is_some();
        let admitted = if self.throttles() && may_be_known && self.hasher.keeps_permits() {
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

    /// Runs the step that counts an attempt and looks up what it is about: a write only where
    /// attempts are counted.
    pub(super) async fn reserve<T: Send + 'static>(
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

    /// Refunds, in the background, what was counted for a use case that failed for a reason of
    /// ours.
    pub(super) fn refund_if_ours(&self, reservation: &Reservation, cause: &AuthError) {
        if cause.describe().is_refunded {
            self.refund(reservation.clone());
        }
    }

    /// Refunds in the background what was counted.
    pub(super) fn refund(&self, reservation: Reservation) {
        if self.throttles() {
            self.housekeeping.refund(reservation);
        }
    }

    /// A permit for a hash of a client; with an account, one of those kept for clients that the
    /// account knows. Never blocks.
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
        self.hasher.acquire_permit(self.rounds(), whose)
    }

    /// Whether attempts are counted.
    fn throttles(&self) -> bool {
        self.settings.throttle.on
    }
}
