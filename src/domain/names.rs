//! The names of groups and applications.

use std::fmt;
use std::str::FromStr;

/// The text is no name of a group or an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 lower-case letters, digits, hyphens and underscores")]
pub struct NameError;

/// The longest name, as the columns hold it.
const MAX: usize = 64;

/// Whether a text is a name: one that needs no quoting in a header, in SQL or in a shell.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=MAX).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as it was stored.
            pub(crate) fn from_stored(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                is_name(text).then(|| Self(text.to_owned())).ok_or(NameError)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a group of users.
    GroupName
}

name! {
    /// The name of an application behind a proxy.
    AppName
}

impl GroupName {
    /// The group whose members administer the service in the browser. An operator creates it.
    #[must_use]
    pub fn admins() -> Self {
        Self("admins".to_owned())
    }

    /// The groups of an application: sorted, each once.
    #[must_use]
    pub fn sorted(mut groups: Vec<Self>) -> Vec<Self> {
        groups.sort();
        groups.dedup();
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        let longest = "a".repeat(64);
        for name in ["a", "family", "team-7", "_x", "0", &longest] {
            assert_eq!(name.parse::<GroupName>().unwrap().as_str(), name);
        }
        let longer = "a".repeat(65);
        for text in [
            "", " a", "a ", "A", "é", "a,b", "a%2Cb", "a.b", "a\nb", "a\0", "-a", "a/b", "а",
            &longer,
        ] {
            assert_eq!(text.parse::<AppName>(), Err(NameError), "{text:?}");
        }
    }
}
