//! The mode of the service, and settings whose default depends on it.

use std::fmt;

/// Development mode, or production mode with an https `--public-url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The defaults are those of the reference service.
    #[default]
    Development,
    /// The defaults are safe for a service that others can reach.
    Production,
}

/// A setting whose default depends on the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByMode<T> {
    /// The value that was set. It holds in both modes.
    Set(T),
    /// The defaults.
    Default {
        /// In development mode.
        development: T,
        /// In production mode.
        production: T,
    },
}

impl<T> ByMode<T> {
    /// The value in a mode.
    pub const fn of(&self, mode: Mode) -> &T {
        match (self, mode) {
            (Self::Set(value), _) => value,
            (Self::Default { development, .. }, Mode::Development) => development,
            (Self::Default { production, .. }, Mode::Production) => production,
        }
    }
}

impl<T> From<T> for ByMode<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl<T: fmt::Display> fmt::Display for ByMode<T> {
    /// As `--help` shows a default: `1, or 10 with an https --public-url`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(value) => value.fmt(f),
            Self::Default {
                development,
                production,
            } => write!(
                f,
                "{development}, or {production} with an https --public-url"
            ),
        }
    }
}

/// The parser of a setting with this default, for values that `parse` reads. clap passes the text of
/// the default too.
pub(crate) fn by_mode<T: Clone + fmt::Display, E>(
    default: ByMode<T>,
    parse: fn(&str) -> Result<T, E>,
) -> impl Fn(&str) -> Result<ByMode<T>, E> + Clone {
    move |text| {
        if text == default.to_string() {
            return Ok(default.clone());
        }
        parse(text).map(ByMode::Set)
    }
}
