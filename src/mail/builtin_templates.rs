//! The built-in templates.

use include_dir::{Dir, include_dir};

/// The built-in templates: for each mail kind a `.txt`, whose first line is the subject, and a
/// `.html`; and `audit_head`, which ends notifications.
pub(super) static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/mail/templates");
