//! The kind of a response, by which its security headers are chosen.

use crate::domain::Origin;

/// The kind of a response, which decides what a browser may do with it. The default is a response
/// of the API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ContentKind {
    /// Read by programs.
    #[default]
    Api,
    /// A page of ours.
    Page {
        /// The application on another host to which its form redirects.
        leads_to: Option<Origin>,
        /// Whether it has the script for passkeys.
        has_script: bool,
    },
    /// A style sheet or an image of a page, at a path that changes with its content.
    Asset,
}
