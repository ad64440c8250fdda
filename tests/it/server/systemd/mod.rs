//! The service under systemd: its unit, its notifications, and socket activation.

mod calls;
mod notify;
mod socket;
mod units;
