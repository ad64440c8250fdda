//! The handler of a user's audit events.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse, web};
use url::form_urlencoded;

use crate::http::activity::ActivityRow;
use crate::http::extract::current_user::CurrentUser;
use crate::http::response::json_with;
use crate::http::{BlockingExecutor, HttpError};

/// How many events one response lists.
const PAGE: u32 = 100;

/// `GET /profile/activity`, `GET /profile/activity?after={position}`: if more events may follow, a
/// `Link` with `rel="next"` (RFC 8288) leads to them.
pub(crate) async fn list(
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    CurrentUser { session_id, .. }: CurrentUser,
) -> Result<HttpResponse, HttpError> {
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    let after = query.find(|(name, _)| name == "after");
    let after = after.map(|(_, position)| position.parse());
    let after = after.transpose().or(Err(HttpError::UnknownPage))?;
    let events = executor
        .run_long_read(move |auth| auth.activity(&session_id, after, PAGE))
        .await?;
    let rows: Vec<ActivityRow<'_>> = events.iter().map(ActivityRow::from).collect();
    let mut answer = HttpResponse::Ok();
    if let (PAGE, Some(last)) = (rows.len().try_into().unwrap_or(PAGE), rows.last()) {
        answer.insert_header((LINK, format!("<?after={}>; rel=\"next\"", last.position)));
    }
    Ok(json_with(&mut answer, &rows))
}
