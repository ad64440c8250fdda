//! Extractors: the parts of a request that handlers use.

pub(crate) mod app_cookies;
pub(crate) mod asked_url;
pub(crate) mod client;
pub(crate) mod cookie;
pub(crate) mod current_user;
pub(crate) mod device_cookie;
pub(crate) mod form;
pub mod forwarded;
pub(crate) mod login_cookie;
pub(crate) mod own_origin;
pub(crate) mod session_cookie;
