//! The page that shows only an error.

use super::message::{Message, error_heading};
use super::view::View;
use crate::http::error::Description;

/// The page for an error.
pub(crate) fn view(error: &Description) -> View {
    View::new("message.html", error_heading(error.status)).message(Message::of_error(error))
}
