//! The templates that are built in.

use include_dir::{Dir, include_dir};

/// The folder of the built-in templates: for each mail a `.txt`, whose first line is the subject,
/// and a `.html`.
pub(super) static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/mail/templates");
