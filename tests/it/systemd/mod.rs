//! The service under systemd: what its unit allows, what it tells, and the socket that it is
//! given.

mod calls;
mod notify;
mod socket;
mod units;
