//! The route table.

use actix_web::web::ServiceConfig;

use super::handlers::{
    account, email, export, forward_auth, health, index, password_reset, profile, second_factor,
    sessions, users,
};
use super::resource::Verbs;

/// Every route of the service.
pub(super) fn routes(config: &mut ServiceConfig) {
    let table = [
        Verbs::at("/").get(index::index),
        Verbs::at("/users").post(users::register),
        Verbs::at("/sessions")
            .get(sessions::list)
            .post(sessions::log_in)
            .delete(sessions::log_out),
        Verbs::at("/sessions/second_factor").post(second_factor::log_in),
        Verbs::at("/sessions/{id}").delete(sessions::end),
        Verbs::at("/profile")
            .get(profile::profile)
            .delete(account::delete_account),
        Verbs::at("/profile/password").put(account::change_password),
        Verbs::at("/profile/email").put(email::change),
        Verbs::at("/profile/export").get(export::export),
        Verbs::at("/account/totp")
            .post(second_factor::begin_totp)
            .put(second_factor::confirm_totp)
            .delete(second_factor::remove_totp),
        Verbs::at("/account/recovery_codes").post(second_factor::replace_recovery_codes),
        Verbs::at("/reset_password")
            .post(password_reset::request)
            .put(password_reset::reset),
        Verbs::at("/verify_email").put(email::verify),
        Verbs::at("/verify")
            .get(forward_auth::verify)
            .options(forward_auth::verify),
        Verbs::at("/healthz").get(health::healthz),
        Verbs::at("/readyz").get(health::readyz),
    ];
    for path in table {
        path.register(config);
    }
}
