//! Passwords: the policy for new ones, the format of stored ones, checks and rehashes.

pub(super) mod check;
pub(super) mod foreign;
pub(super) mod format;
pub(super) mod jobs;
pub(super) mod policy;
mod prehash;
pub(super) mod rehash;
pub(super) mod wrap;
