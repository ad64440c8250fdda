//! Passwords: the policy for new ones, the format of stored ones, checking and replacing them.

pub(super) mod check;
pub(super) mod format;
pub(super) mod jobs;
pub(super) mod policy;
pub(super) mod rehash;
