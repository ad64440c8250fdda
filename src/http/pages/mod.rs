//! The pages: HTML forms over the use cases of the API. They need no JavaScript.

mod account;
mod account_activity;
mod account_changes;
mod account_passkey;
mod account_passkeys;
mod account_sessions;
mod admin;
mod assets;
mod built_in;
mod context;
mod denied;
mod development_mails;
mod docs;
mod email_links;
mod error_page;
mod field;
mod forgot;
mod invite;
mod login;
mod login_code;
mod logout;
mod mailed_token;
mod message;
mod next;
mod owner_post;
mod pages_error;
mod people;
mod posted_form;
mod register;
mod reset;
mod rows;
mod samples;
mod second_factor;
mod second_factor_view;
mod serve_asset;
mod session;
mod templates;
mod view;
mod visit;

use std::path::PathBuf;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;

use super::resource::Resource;
use crate::domain::AccentColor;

pub(crate) use account::show as account;
pub(crate) use account_passkeys::show as passkeys;
pub use pages_error::PagesError;
pub use templates::Pages;

/// The appearance of the pages, as the operator sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSettings {
    /// The name of the service, for people.
    pub service: String,
    /// The colour of buttons and links.
    pub accent: AccentColor,
    /// An image in front of the name: PNG or SVG.
    pub logo: Option<PathBuf>,
    /// A folder with templates that replace built-in ones.
    pub templates: Option<PathBuf>,
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            service: "Bienvenue".to_owned(),
            accent: AccentColor::default(),
            logo: None,
            templates: None,
        }
    }
}

/// The routes of the pages. `/account` is in the table of the API, which has it too.
pub(crate) fn routes() -> impl Iterator<Item = Resource> {
    let pages = [
        Resource::new("/login").get(login::show).post(login::submit),
        Resource::new("/login/passkey").post(login::submit_passkey),
        Resource::new("/login/code")
            .get(login_code::show)
            .post(login_code::submit),
        Resource::new("/register")
            .get(register::show)
            .post(register::submit),
        Resource::new("/forgot")
            .get(forgot::show)
            .post(forgot::submit),
        Resource::new("/reset").get(reset::show).post(reset::submit),
        Resource::new("/invite")
            .get(invite::show)
            .post(invite::submit),
        Resource::new("/verify-email")
            .get(email_links::show_verify)
            .post(email_links::verify),
        Resource::new("/undo")
            .get(email_links::show_undo)
            .post(email_links::undo),
        Resource::new("/account/password")
            .get(account_changes::show_password)
            .post(account_changes::submit_password),
        Resource::new("/account/email")
            .get(account_changes::show_email)
            .post(account_changes::submit_email),
        Resource::new("/account/delete")
            .get(account_changes::show_delete)
            .post(account_changes::submit_delete),
        Resource::new("/account/passkeys/name")
            .get(account_passkey::show_name)
            .post(account_passkey::rename),
        Resource::new("/account/passkeys/remove")
            .get(account_passkey::show_remove)
            .post(account_passkey::remove),
        Resource::new("/account/sessions")
            .get(account_sessions::show)
            .post(account_sessions::submit),
        Resource::new("/account/activity").get(account_activity::show),
        Resource::new("/account/second-factor").get(second_factor::show),
        Resource::new("/account/second-factor/app")
            .get(second_factor::app::show)
            .post(second_factor::app::submit),
        Resource::new("/account/second-factor/app/code")
            .get(second_factor::app::begin_again)
            .post(second_factor::app::submit_code),
        Resource::new("/account/second-factor/remove")
            .get(second_factor::removal::show)
            .post(second_factor::removal::submit),
        Resource::new("/account/second-factor/recovery-codes")
            .get(second_factor::recovery_codes::show)
            .post(second_factor::recovery_codes::submit),
        Resource::new("/account/export").get(account::export),
        Resource::new("/logout")
            .get(logout::show)
            .post(logout::submit),
        Resource::new("/docs").get(docs::show),
        Resource::new("/.well-known/change-password").get(change_password),
        Resource::new("/denied").get(denied::show),
        Resource::new("/development/mails").get(development_mails::show),
        Resource::new("/assets/{name}").get(serve_asset::asset),
    ];
    pages.into_iter().chain(admin::routes())
}

/// `GET /.well-known/change-password`, for password managers.
async fn change_password() -> HttpResponse {
    HttpResponse::Found()
        .insert_header((LOCATION, "/account/password"))
        .finish()
}

/// The handlers of forms that a browser posts to the routes of the API.
pub(crate) use login::submit as log_in;
pub(crate) use register::submit as register;
