//! Outcomes of logins and registrations, for the metrics.

use prometheus_client::encoding::EncodeLabelValue;

/// The outcome of a login or a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the labels' values")]
pub(super) enum Outcome {
    success,
    invalid_credentials,
    already_registered,
    password_refused,
    registration_closed,
    email_not_verified,
    /// The password was right, and a second factor is required.
    second_factor_required,
    /// The request is invalid.
    malformed,
    /// A rate limit is reached.
    throttled,
    /// Too many hashes wait.
    overloaded,
    /// The database is unavailable.
    unavailable,
    failed,
}

impl Outcome {
    pub(super) const LOGINS: [Self; 9] = [
        Self::success,
        Self::invalid_credentials,
        Self::email_not_verified,
        Self::second_factor_required,
        Self::malformed,
        Self::throttled,
        Self::overloaded,
        Self::unavailable,
        Self::failed,
    ];

    pub(super) const REGISTRATIONS: [Self; 9] = [
        Self::success,
        Self::already_registered,
        Self::password_refused,
        Self::registration_closed,
        Self::malformed,
        Self::throttled,
        Self::overloaded,
        Self::unavailable,
        Self::failed,
    ];
}
