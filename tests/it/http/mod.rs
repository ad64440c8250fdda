//! What clients, browsers and proxies meet: `src/http`.

mod browser;
mod client_address;
mod connections;
mod cross_site;
mod error_codes;
mod forms;
mod forwarded;
mod headers;
mod load;
mod openapi;
pub(crate) mod pages;
mod proxies;
mod routes;
mod schemathesis;
mod verify;
mod wire;
