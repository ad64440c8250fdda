//! Request ids.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName};
use uuid::Uuid;

use crate::domain::RequestId;

/// The header of the request id, in requests and responses.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Generates request ids from a random text for the process and a counter, so that neither two
/// instances nor two runs generate the same id.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self {
            process: Uuid::new_v4().simple().to_string().split_off(20),
            next: AtomicU64::new(1),
        }
    }

    /// The id in the request's header, if it is valid and the only one; otherwise a new one.
    pub(crate) fn id_for(&self, headers: &HeaderMap) -> Option<RequestId> {
        let mut brought = headers.get_all(REQUEST_ID);
        let (first, another) = (brought.next(), brought.next());
        first
            .filter(|_| another.is_none())
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .or_else(|| self.next())
    }

    fn next(&self) -> Option<RequestId> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.process).parse().ok()
    }
}
