//! Passwords: the policy for new ones, the format of stored ones, and the jobs that hash them.

pub(super) mod foreign;
pub(super) mod format;
pub(super) mod jobs;
pub(super) mod policy;
mod prehash;
pub(super) mod wrap;
