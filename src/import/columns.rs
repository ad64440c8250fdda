//! The names of columns and fields that a source may have, and what is said of others: a password
//! in a column that is not known would be lost without a word.

/// A field of a user, and the names that other systems use for it.
pub(super) struct Field {
    names: &'static [&'static str],
    /// Parts of unknown names that probably mean this field.
    parts: &'static [&'static str],
}

pub(super) const EMAIL: Field = Field {
    names: &["email", "email_address", "mail"],
    parts: &["mail", "login", "username"],
};
pub(super) const HASH: Field = Field {
    names: &[
        "password_hash",
        "hashed_password",
        "password",
        "passwordhash",
        "encrypted_password",
    ],
    parts: &["hash", "pass", "pw", "digest", "secret", "bcrypt"],
};
pub(super) const VERIFIED: Field = Field {
    names: &["email_verified", "emailverified", "verified", "confirmed"],
    parts: &["verif", "confirm"],
};
pub(super) const DISABLED: Field = Field {
    names: &["disabled"],
    parts: &["disab", "block", "ban", "lock"],
};
pub(super) const GROUPS: Field = Field {
    names: &["groups", "group"],
    parts: &["group", "role"],
};
pub(super) const CREATED: Field = Field {
    names: &["created_at"],
    parts: &["creat", "regist", "joined"],
};

const ALL: [&Field; 6] = [&VERIFIED, &EMAIL, &HASH, &DISABLED, &GROUPS, &CREATED];

impl Field {
    /// Whether this is a name of the field, in any letter case.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let name = name.trim().to_ascii_lowercase();
        self.names.contains(&name.as_str())
    }

    /// The name that we write.
    fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// Whether the name is that of a field.
pub(super) fn is_known(name: &str) -> bool {
    ALL.iter().any(|field| field.is_named(name))
}

/// An unknown name, with the field that is probably meant.
pub(super) fn unknown(name: &str) -> String {
    let shown: String = name
        .trim()
        .chars()
        .take(40)
        .flat_map(char::escape_debug)
        .collect();
    let lower = name.to_ascii_lowercase();
    let is_meant = |field: &&&Field| field.parts.iter().any(|part| lower.contains(part));
    match ALL.iter().find(is_meant) {
        Some(field) => format!("`{shown}` (did you mean `{}`?)", field.name()),
        None => format!("`{shown}`"),
    }
}
