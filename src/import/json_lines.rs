//! JSON lines: one object a line, as `bienvenue export` writes them.

use std::io::BufRead;

use serde::{Deserialize, Serialize};

use super::{Refusal, SourceRows, SourceUser, columns};

/// The longest line that is parsed, in bytes.
const LINE_MAX: usize = 64 * 1024;

/// A user, with the names that other systems use for the fields.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    email: String,
    #[serde(
        default,
        alias = "hashed_password",
        alias = "password",
        alias = "passwordHash",
        alias = "encrypted_password",
        skip_serializing_if = "Option::is_none"
    )]
    password_hash: Option<String>,
    #[serde(default, alias = "emailVerified", alias = "verified")]
    email_verified: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
}

pub(super) fn rows(file: impl BufRead + 'static) -> SourceRows {
    let lines = file.lines().zip(1..);
    let lines = lines.filter(|(line, _)| !line.as_ref().is_ok_and(|line| line.trim().is_empty()));
    Box::new(lines.map(|(line, number)| Ok((number, parse(&line?)))))
}

fn parse(line: &str) -> Result<SourceUser, Refusal> {
    let malformed = |reason: &str| Refusal::Malformed(reason.to_owned());
    if line.len() > LINE_MAX {
        return Err(malformed("the line is longer than 64 KiB"));
    }
    let line: Line = serde_json::from_str(line).map_err(|error| {
        let (column, category) = (error.column(), error.classify());
        let message = error.to_string();
        malformed(&match category {
            serde_json::error::Category::Data if let Some(name) = unknown_field(&message) => {
                format!("the field {} is not known", columns::unknown(name))
            }
            serde_json::error::Category::Data => {
                format!("a field is missing or of another type (column {column})")
            }
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => format!("not a JSON object (column {column})"),
        })
    })?;
    Ok(SourceUser {
        email: line.email,
        hash: line.password_hash,
        is_verified: line.email_verified,
        is_disabled: line.disabled,
        groups: line.groups,
        created_at: line.created_at,
    })
}

/// The name in serde's message about a field that is not known.
fn unknown_field(message: &str) -> Option<&str> {
    let (name, _) = message.strip_prefix("unknown field `")?.split_once('`')?;
    Some(name)
}

/// A user as a line that the import reads, with its end.
///
/// # Errors
/// [`serde_json::Error`] never, for texts and numbers.
pub fn exported_line(user: SourceUser) -> serde_json::Result<String> {
    let line = Line {
        email: user.email,
        password_hash: user.hash,
        email_verified: user.is_verified,
        disabled: user.is_disabled,
        groups: user.groups,
        created_at: user.created_at,
    };
    Ok(serde_json::to_string(&line)? + "\n")
}
