//! A database as the reference service leaves it: Flask, `SQLAlchemy` 1.3.24, Python's bcrypt.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Place;

/// The schema that `Base.metadata.create_all` writes, with its trailing spaces.
pub(crate) const DDL: &str = "CREATE TABLE users (\n\tid INTEGER NOT NULL, \n\temail VARCHAR(250) NOT NULL, \n\thashed_password VARCHAR(250) NOT NULL, \n\tsession_id VARCHAR(250), \n\treset_token VARCHAR(250), \n\tPRIMARY KEY (id)\n)";

/// `bcrypt.hashpw(b"blob_pwd", bcrypt.gensalt(4))`; the reference service stores its bytes.
pub(crate) const BLOB_PWD: &str = "$2b$04$Fgu8PlALRJpJWH46L8.StuiI3Mb7YdIRo8u89gKUNmFqt26K8A4kW";
/// The hash of `text_pwd`, for a row whose author decoded it to a text first.
pub(crate) const TEXT_PWD: &str = "$2b$04$GHNuqbySJP7nvLCWWp2Xze3L4esvi0qvqeHFxyK5kRF1z8q.JfvAi";
/// The hash of `LONG`, of which bcrypt has read 72 bytes.
pub(crate) const LONG_PWD: &str = "$2b$04$hFF2/gdCF96.P7ct3UqmROCvS7LtpoEgF3WTxB6wTBD47SaNOvbCi";
/// A password of 116 bytes.
pub(crate) const LONG: &str = "correct horse battery staple correct horse battery staple correct horse battery staple correct horse battery staple ";

/// A row that is about to be written.
pub(crate) struct Row<'a> {
    pub(crate) id: i64,
    pub(crate) email: &'a str,
    /// As an SQL literal.
    pub(crate) hashed_password: String,
    pub(crate) session_id: Option<&'a str>,
    pub(crate) reset_token: Option<&'a str>,
}

/// A row with its hash as bytes, logged out.
pub(crate) fn row(id: i64, email: &str) -> Row<'_> {
    Row {
        id,
        email,
        hashed_password: blob(BLOB_PWD),
        session_id: None,
        reset_token: None,
    }
}

/// The literal of a text stored as bytes.
pub(crate) fn blob(text: &str) -> String {
    let hex = text.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    format!("x'{hex}'")
}

/// The literal of a text.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Row<'_> {
    fn sql(&self) -> String {
        let optional = |value: Option<&str>| value.map_or("NULL".to_owned(), text);
        format!(
            "INSERT INTO users (id, email, hashed_password, session_id, reset_token) VALUES ({}, {}, {}, {}, {});",
            self.id,
            text(self.email),
            self.hashed_password,
            optional(self.session_id),
            optional(self.reset_token),
        )
    }
}

/// The file in the place, with these rows.
pub(crate) fn file(place: &Place, rows: &[Row<'_>]) -> PathBuf {
    let rows: String = rows.iter().map(Row::sql).collect();
    place.sql(&format!("{DDL};BEGIN;{rows}COMMIT;"));
    place.path("bienvenue.db")
}

/// The file in the place, with that many users, all of them logged in.
pub(crate) fn crowd(place: &Place, users: u32) -> PathBuf {
    place.sql(&format!(
        "{DDL};WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {users})
         INSERT INTO users SELECT i, 'user' || i || '@x.fr', {}, printf('{}', i), NULL FROM n;",
        blob(BLOB_PWD),
        "%08x-1111-4222-8333-444455556666",
    ));
    place.path("bienvenue.db")
}

/// The session id of a user of the crowd.
pub(crate) fn crowd_session(user: u32) -> String {
    format!("{user:08x}-1111-4222-8333-444455556666")
}

/// Copies of a database that stand beside it.
pub(crate) fn copies(folder: &Path) -> Vec<String> {
    let mut copies: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".before-"))
        .collect();
    copies.sort();
    copies
}
