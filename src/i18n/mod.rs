//! The languages of users, and the catalogue of texts of each.
//!
//! A catalogue is a file of `key = text` lines; `{name}` in a text is a placeholder. Both
//! catalogues have the same keys, which a test compares.

mod catalogue;

pub use catalogue::{Catalogue, Catalogues, TextError};
