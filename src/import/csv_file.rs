//! CSV: a row of names, then one row for each user.

use std::io::{self, Read};

use csv::StringRecord;

use super::columns::{self, CREATED, DISABLED, EMAIL, Field, GROUPS, HASH, VERIFIED};
use super::{Refusal, SourceRows, SourceUser};

/// The columns of the file.
struct Columns {
    email: usize,
    hash: Option<usize>,
    verified: Option<usize>,
    disabled: Option<usize>,
    groups: Option<usize>,
    created: Option<usize>,
}

pub(super) fn rows(file: impl Read + 'static) -> io::Result<SourceRows> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(file);
    let names = reader.headers()?.clone();
    let unknown = names.iter().filter(|name| !columns::is_known(name));
    let unknown: Vec<String> = unknown.map(columns::unknown).collect();
    if !unknown.is_empty() {
        return Err(malformed(format!(
            "these columns are not known: {}. Rename them, or leave them out",
            unknown.join(", ")
        )));
    }
    let place = |field: &Field| names.iter().position(|name| field.is_named(name));
    let missing = "the first row has no column `email`: it is the names of the columns";
    let columns = Columns {
        email: place(&EMAIL).ok_or_else(|| malformed(missing.to_owned()))?,
        hash: place(&HASH),
        verified: place(&VERIFIED),
        disabled: place(&DISABLED),
        groups: place(&GROUPS),
        created: place(&CREATED),
    };
    Ok(Box::new(reader.into_records().map(
        move |record| match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                Ok((line, parse(&record, &columns)))
            }
            Err(error) if matches!(error.kind(), csv::ErrorKind::Io(_)) => Err(error.into()),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let reason = "not a row of the same number of columns in UTF-8";
                Ok((line, Err(Refusal::Malformed(reason.to_owned()))))
            }
        },
    )))
}

fn malformed(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn parse(record: &StringRecord, columns: &Columns) -> Result<SourceUser, Refusal> {
    let text = |column: Option<usize>| column.and_then(|column| record.get(column)).map(str::trim);
    let flag = |column: Option<usize>| match text(column).map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "0" | "f" | "false" | "no") => Ok(false),
        Some("1" | "t" | "true" | "yes") => Ok(true),
        Some(_) => Err(Refusal::Malformed(
            "a flag is neither true nor false".to_owned(),
        )),
    };
    let groups = text(columns.groups).unwrap_or_default();
    let created = text(columns.created).filter(|created| !created.is_empty());
    let created = created.map(|created| created.parse().or(Err(())));
    Ok(SourceUser {
        email: text(Some(columns.email)).unwrap_or_default().to_owned(),
        hash: text(columns.hash).map(str::to_owned),
        is_verified: flag(columns.verified)?,
        is_disabled: flag(columns.disabled)?,
        groups: groups
            .split([' ', ';', ','])
            .filter(|group| !group.is_empty())
            .map(str::to_owned)
            .collect(),
        created_at: created.transpose().map_err(|()| {
            Refusal::Malformed("created_at is not a number of seconds since 1970".to_owned())
        })?,
    })
}
