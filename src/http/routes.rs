//! The route table.

use actix_web::web::ServiceConfig;

use super::handlers::{
    account, activity, email, export, forward_auth, hand_over, health, index, passkeys,
    password_reset, profile, rules, second_factor, sessions, users,
};
use super::resource::Resource;
use super::{openapi, pages};

/// Every route of the service. With pages, a form that a browser posts to a route of the API is
/// answered as the page's own.
pub(super) fn routes(config: &mut ServiceConfig, has_pages: bool) {
    let (mut users, mut sessions) = (Resource::new("/users"), Resource::new("/sessions"));
    let shown_as = |path: Resource, page: &'static str| {
        if has_pages {
            path.page_of_browser(page)
        } else {
            path
        }
    };
    if has_pages {
        users = users.page_of_browser("/register");
        sessions = sessions.page_of_browser("/account/sessions");
        users = users.post_of_browser(pages::register);
        sessions = sessions.post_of_browser(pages::log_in);
    }
    // The router compares a path with these in their order, so what applications and proxies
    // request most comes first.
    let table = [
        Resource::new("/").get(index::index),
        Resource::new("/verify")
            .get(forward_auth::verify)
            .options(forward_auth::verify),
        shown_as(Resource::new("/profile"), "/account")
            .get(profile::profile)
            .delete(account::delete_account),
        Resource::new("/rules").get(rules::rules),
        Resource::new("/account").get(account::account),
        Resource::new("/openapi.json").get(openapi::openapi),
        users.post(users::register),
        sessions
            .get(sessions::list)
            .post(sessions::log_in)
            .delete(sessions::log_out),
        Resource::new("/sessions/second_factor").post(second_factor::log_in),
        Resource::new("/sessions/second_factor/options").post(passkeys::begin_second_factor),
        Resource::new("/sessions/passkey/options").post(passkeys::begin_login),
        Resource::new("/sessions/passkey").post(passkeys::log_in),
        Resource::new("/sessions/{id}").delete(sessions::end),
        shown_as(Resource::new("/profile/password"), "/account/password")
            .put(account::change_password),
        shown_as(Resource::new("/profile/email"), "/account/email").put(email::change),
        shown_as(Resource::new("/profile/export"), "/account/export").get(export::export),
        shown_as(Resource::new("/profile/activity"), "/account/activity").get(activity::list),
        Resource::new("/account/totp")
            .post(second_factor::begin_totp)
            .put(second_factor::confirm_totp)
            .delete(second_factor::remove_totp),
        Resource::new("/account/recovery_codes").post(second_factor::replace_recovery_codes),
        Resource::new("/account/second_factor/options").post(passkeys::begin_proof),
        Resource::new("/account/passkeys/options").post(passkeys::begin_registration),
        Resource::new("/account/passkeys")
            .get(passkeys::list)
            .post(passkeys::register),
        shown_as(Resource::new("/reset_password"), "/forgot")
            .post(password_reset::request)
            .put(password_reset::reset),
        shown_as(Resource::new("/verify_email"), "/verify-email").put(email::verify),
        Resource::new("/verify/redirect")
            .get(forward_auth::verify_or_redirect)
            .options(forward_auth::verify_or_redirect),
        Resource::new("/.bienvenue/enter").get(hand_over::enter),
        Resource::new("/.bienvenue/logout").get(hand_over::log_out),
        Resource::new("/healthz").get(health::healthz),
        Resource::new("/readyz").get(health::readyz),
    ];
    for path in table {
        path.register(config);
    }
    if has_pages {
        for path in pages::routes() {
            path.register(config);
        }
    }
    // After `/account/passkeys/name` and `remove` of the pages, which it would match too.
    Resource::new("/account/passkeys/{id}")
        .put(passkeys::rename)
        .delete(passkeys::remove)
        .register(config);
}
