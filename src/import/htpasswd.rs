//! Apache's htpasswd: `NAME:HASH` lines. The name has to be an email address.

use std::io::BufRead;

use super::{Refusal, SourceRows, SourceUser};

pub(super) fn rows(file: impl BufRead + 'static) -> SourceRows {
    let lines = file.lines().zip(1..);
    let is_text = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
    let lines = lines.filter(move |(line, _)| line.as_ref().map_or(true, |line| is_text(line)));
    Box::new(lines.map(|(line, number)| {
        let line = line?;
        let user = line
            .trim_end()
            .split_once(':')
            .map(|(name, hash)| SourceUser {
                email: name.to_owned(),
                hash: Some(hash.to_owned()),
                ..SourceUser::default()
            });
        let malformed = Refusal::Malformed("not NAME:HASH".to_owned());
        Ok((number, user.ok_or(malformed)))
    }))
}
