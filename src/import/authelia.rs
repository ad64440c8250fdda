//! Authelia's file of users, `users.yml`.

use std::io;

use saphyr::{LoadableYamlNode, Yaml};

use super::{Refusal, SourceRows, SourceUser};

pub(super) fn rows(text: &str) -> io::Result<SourceRows> {
    let malformed = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let documents =
        Yaml::load_from_str(text).map_err(|error| malformed(format!("not YAML: {error}")))?;
    let root = documents.first();
    let users = root
        .and_then(|root| root.as_mapping_get("users"))
        .and_then(Yaml::as_mapping);
    let users = users.ok_or_else(|| malformed("the file has no mapping `users`".to_owned()))?;
    let rows: Vec<_> = users
        .iter()
        .zip(1..)
        .map(|((_, user), number)| Ok((number, parse(user))))
        .collect();
    Ok(Box::new(rows.into_iter()))
}

fn parse(user: &Yaml<'_>) -> Result<SourceUser, Refusal> {
    let text = |name| user.as_mapping_get(name).and_then(Yaml::as_str);
    let missing = || Refusal::Malformed("the user has no `email`".to_owned());
    let groups = user.as_mapping_get("groups").and_then(Yaml::as_sequence);
    let groups = groups.into_iter().flatten().filter_map(Yaml::as_str);
    Ok(SourceUser {
        email: text("email").ok_or_else(missing)?.to_owned(),
        hash: text("password").map(str::to_owned),
        is_verified: true,
        is_disabled: user
            .as_mapping_get("disabled")
            .and_then(Yaml::as_bool)
            .unwrap_or(false),
        groups: groups.map(str::to_owned).collect(),
        created_at: None,
    })
}
