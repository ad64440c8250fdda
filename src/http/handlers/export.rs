//! The handler of the data export.

use actix_web::{HttpResponse, web};

use crate::http::account_export::held;
use crate::http::extract::current_user::CurrentUser;
use crate::http::{BlockingExecutor, HttpError};

/// `GET /profile/export`
pub(crate) async fn export(
    executor: web::Data<BlockingExecutor>,
    CurrentUser { session_id, .. }: CurrentUser,
) -> Result<HttpResponse, HttpError> {
    held(&executor, session_id).await
}
