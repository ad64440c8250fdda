//! The route table.

use actix_web::web::ServiceConfig;

use super::handlers::{
    account, email, export, forward_auth, health, index, password_reset, profile, rules, sessions,
    users,
};
use super::pages;
use super::resource::Verbs;

/// Every route of the service. With pages, a form that a browser posts to a route of the API is
/// answered as the page's own.
pub(super) fn routes(config: &mut ServiceConfig, has_pages: bool) {
    let (mut users, mut sessions) = (Verbs::at("/users"), Verbs::at("/sessions"));
    if has_pages {
        users = users.post_of_browser(pages::register);
        sessions = sessions.post_of_browser(pages::log_in);
        for path in pages::routes() {
            path.register(config);
        }
    }
    let table = [
        Verbs::at("/").get(index::index),
        Verbs::at("/rules").get(rules::rules),
        Verbs::at("/account").get(account::account),
        users.post(users::register),
        sessions
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
        Verbs::at("/healthz").get(health::healthz),
        Verbs::at("/readyz").get(health::readyz),
    ];
    for path in table {
        path.register(config);
    }
}
