//! The options for a passkey that an administrator shows for an act.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::visit::AdminPost;
use crate::http::Refusal;
use crate::http::response::json;

/// `POST /admin/passkey/options`: what the script of the form of an act gives the authenticator.
pub(super) async fn begin(post: AdminPost) -> Result<HttpResponse, Refusal> {
    let options = post.passkey_options().await?;
    Ok(json(StatusCode::OK, &options))
}
