//! What an answer is to a browser, by which its security headers are chosen.

use crate::domain::Origin;

/// What an answer is to a browser, which decides what it may do. An answer that says nothing
/// of it is one of the API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ContentKind {
    /// Read by programs.
    #[default]
    Api,
    /// A page of ours.
    Page {
        /// The application on another host to which its form leads in the end.
        leads_to: Option<Origin>,
        /// Whether it has the script for passkeys.
        has_script: bool,
    },
    /// A style sheet or an image of a page, at a path that changes with its content.
    Asset,
}
