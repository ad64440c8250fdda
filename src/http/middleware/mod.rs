//! Middlewares: steps before the handler of every request, and after it.

pub(crate) mod connections;
pub(crate) mod cookie_limit;
pub(crate) mod cors;
pub(crate) mod csrf;
pub(crate) mod request_context;
mod security_headers;
