use actix_web::web::ServiceConfig;

use super::verbs::Verbs;
use super::{health, index, profile, reset_password, sessions, users, verify};

/// Every route of the service.
pub(super) fn routes(config: &mut ServiceConfig) {
    let table = [
        Verbs::at("/").get(index::index),
        Verbs::at("/users").post(users::register),
        Verbs::at("/sessions")
            .post(sessions::log_in)
            .delete(sessions::log_out),
        Verbs::at("/profile").get(profile::profile),
        Verbs::at("/reset_password")
            .post(reset_password::request)
            .put(reset_password::reset),
        Verbs::at("/verify").get(verify::verify),
        Verbs::at("/healthz").get(health::healthz),
        Verbs::at("/readyz").get(health::readyz),
    ];
    for path in table {
        path.register(config);
    }
}
