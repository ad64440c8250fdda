//! Why there are no pages, or not this one.

use std::path::PathBuf;

use minijinja::Error;

use super::built_in::names;
use crate::i18n::TextError;

/// The reason why there are no pages, or not this one.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// A folder or a file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// No page has a template of that name.
    #[error("{}: no page has a template of that name; there are {}", path.display(), names())]
    UnknownTemplate {
        /// The file.
        path: PathBuf,
    },
    /// A template has a syntax error, or names a value that does not exist.
    #[error("{place}: {source:#}")]
    BrokenTemplate {
        /// The file, or the name of a built-in one.
        place: String,
        /// The error in the template.
        source: Error,
    },
    /// A text is missing.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The logo would make pages slow.
    #[error("the logo {} is larger than 64 KiB", path.display())]
    LogoTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The logo is no image that browsers show safely.
    #[error("the logo {} is neither PNG nor SVG", path.display())]
    LogoKind {
        /// The file.
        path: PathBuf,
    },
}
