//! Queued mails: what is queued, how it becomes a mail, and the thread that sends them.

mod backoff;
mod compose;
pub(super) mod message;
pub(super) mod notifications;
mod sender;
pub(super) mod worker;
