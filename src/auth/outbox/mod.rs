//! Queued mails: their content, how they are composed, and the threads that send them.

mod backoff;
mod compose;
pub(super) mod message;
mod sender;
pub(super) mod worker;
