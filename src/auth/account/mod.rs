//! A user's own account: changing its address or password, deleting it, exporting its data.

mod change_email;
pub(super) mod change_password;
mod delete;
pub(super) mod export;
pub(super) mod summary;
