//! The route table.

use actix_web::web::ServiceConfig;

use super::handlers::{
    account, email, export, forward_auth, hand_over, health, index, password_reset, profile,
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
        Verbs::at("/sessions/{id}").delete(sessions::end),
        Verbs::at("/profile")
            .get(profile::profile)
            .delete(account::delete_account),
        Verbs::at("/profile/password").put(account::change_password),
        Verbs::at("/profile/email").put(email::change),
        Verbs::at("/profile/export").get(export::export),
        Verbs::at("/reset_password")
            .post(password_reset::request)
            .put(password_reset::reset),
        Verbs::at("/verify_email").put(email::verify),
        Verbs::at("/verify")
            .get(forward_auth::verify)
            .options(forward_auth::verify),
        Verbs::at("/verify/redirect")
            .get(forward_auth::verify_or_redirect)
            .options(forward_auth::verify_or_redirect),
        Verbs::at("/.bienvenue/enter").get(hand_over::enter),
        Verbs::at("/healthz").get(health::healthz),
        Verbs::at("/readyz").get(health::readyz),
    ];
    for path in table {
        path.register(config);
    }
}
