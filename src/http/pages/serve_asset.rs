//! The handler of the files that pages refer to.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};

use super::Pages;
use crate::http::HttpError;
use crate::http::content_kind::ContentKind;

/// `GET /assets/{name}`
pub(crate) async fn asset(
    pages: web::Data<Pages>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let name = request.match_info().get("name").unwrap_or_default();
    let mut assets = pages.assets();
    let asset = assets.find(|asset| asset.name == name);
    let asset = asset.ok_or(HttpError::NotFound)?;
    let mut answer = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.media_type))
        .body(asset.content.clone());
    answer.extensions_mut().insert(ContentKind::Asset);
    Ok(answer)
}
