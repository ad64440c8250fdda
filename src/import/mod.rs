//! Users of other systems: reads them from files, and decides row by row what can be imported.
//!
//! A source is read row by row, and no row takes more than a bounded part of the memory. The
//! databases of other systems are read in the database layer.

mod authelia;
mod bounded;
mod columns;
mod csv_file;
mod export_formats;
mod htpasswd;
mod json_lines;
mod keycloak;
mod row;
mod source;

use std::io;

pub use export_formats::{keycloak_user, kratos_identity};
pub use json_lines::exported_line;
pub use row::{ImportedPassword, NewUser, Refusal, SourceUser};
pub use source::{Source, SourceError};

/// A row of a source: its number, and the user or why it cannot be read.
pub type SourceRow = (u64, Result<SourceUser, Refusal>);

/// Rows of a source, read one by one.
pub type SourceRows = Box<dyn Iterator<Item = io::Result<SourceRow>>>;
