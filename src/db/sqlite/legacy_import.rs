//! Imports a file of the reference service: one table `users` without an index, with stored
//! passwords as text in some rows and as bytes in others, and session ids in clear text.
//!
//! This is not a migration, because SQL can neither hash nor convert Unicode to lower case.

use std::collections::{BTreeMap, HashSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::texts::texts;
use crate::db::connection::AnyConnection;
use crate::db::migrations::{self, MigrationError};
use crate::db::schema::{sessions, users};
use crate::db::tables::foreign_hashes::note_parameters;
use crate::db::{DbSettings, DuplicateEmail};
use crate::domain::{
    HashedPassword, NormalizedEmail, SessionDigest, SessionId, SessionPublicId, User,
};

diesel::table! {
    adopted_users (id) {
        id -> BigInt,
        email -> Binary,
        hashed_password -> Binary,
        session_id -> Nullable<Binary>,
    }
}

/// The numbers of imported users and sessions.
pub(super) struct Imported {
    pub(super) users: usize,
    pub(super) sessions: usize,
    /// How many users have a password hash that cannot be checked, by algorithm.
    pub(super) unknown_hashes: BTreeMap<&'static str, usize>,
}

/// How many rows are held in memory at once.
const BATCH: i64 = 1000;

/// Why the file is not one of the reference service; none if it is.
pub(super) fn is_legacy_database(conn: &mut SqliteConnection) -> QueryResult<Option<String>> {
    let encoding = texts(conn, "SELECT encoding AS value FROM pragma_encoding")?;
    if encoding != ["UTF-8"] {
        return Ok(Some(format!("its encoding is {}", encoding.join(", "))));
    }
    let columns = texts(
        conn,
        "SELECT name AS value FROM pragma_table_info('users') ORDER BY cid",
    )?;
    let strange = columns
        .iter()
        .find(|name| !User::COLUMNS.iter().any(|(known, _)| known == name));
    let missing = User::COLUMNS
        .iter()
        .find(|(name, _)| !columns.iter().any(|column| column == name));
    // Names that the import and the migrations need for tables.
    let taken = texts(
        conn,
        "SELECT name AS value FROM sqlite_master WHERE name IN ('adopted_users', 'sessions')",
    )?;
    if let Some(name) = taken.first() {
        return Ok(Some(format!(
            "it has a table {name} in addition to its table users"
        )));
    }
    Ok(match (missing, strange) {
        (Some((name, _)), _) => Some(format!("its table users has no column {name}")),
        (None, Some(name)) => Some(format!(
            "its table users has a column {name}, which would be lost"
        )),
        (None, None) => None,
    })
}

/// Finds users that would be one account here. Reads only.
pub(super) fn duplicates(conn: &mut SqliteConnection) -> QueryResult<Vec<DuplicateEmail>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        id: i64,
        #[diesel(sql_type = diesel::sql_types::Binary)]
        email: Vec<u8>,
    }
    let rows: Vec<Row> =
        diesel::sql_query("SELECT id, CAST(email AS BLOB) AS email FROM users ORDER BY id")
            .load(conn)?;
    let mut by_key: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for row in rows {
        let email = text(&row.email);
        let key = NormalizedEmail::canonical(&email).as_str().to_owned();
        by_key.entry(key).or_default().push((row.id, email));
    }
    Ok(by_key
        .into_values()
        .filter(|users| users.len() > 1)
        .map(|users| DuplicateEmail { users })
        .collect())
}

/// Imports the users and their sessions. The caller holds the transaction.
pub(super) fn import(
    conn: &mut AnyConnection,
    settings: &DbSettings,
) -> Result<Imported, MigrationError> {
    conn.batch_execute(
        "CREATE TABLE adopted_users (
             id INTEGER PRIMARY KEY NOT NULL,
             email BLOB NOT NULL,
             hashed_password BLOB NOT NULL,
             session_id BLOB
         );
         INSERT INTO adopted_users
             SELECT id, CAST(email AS BLOB), CAST(hashed_password AS BLOB), CAST(session_id AS BLOB)
             FROM users;
         DROP TABLE users;",
    )?;
    migrations::apply(conn)?;
    let mut adopted = Imported {
        users: 0,
        sessions: 0,
        unknown_hashes: BTreeMap::new(),
    };
    let mut seen = HashSet::new();
    let mut last = i64::MIN;
    loop {
        let rows: Vec<ImportedUser> = adopted_users::table
            .filter(adopted_users::id.gt(last))
            .order(adopted_users::id)
            .limit(BATCH)
            .load(conn)?;
        let Some(row) = rows.last() else { break };
        last = row.id;
        for row in &rows {
            let session = row.session().filter(|id| seen.insert(id.expose()));
            row.insert(conn, session.as_ref(), settings)?;
            adopted.users += 1;
            if let Some(kind) = row.hashed_password().unknown_kind() {
                *adopted.unknown_hashes.entry(kind).or_default() += 1;
            }
            adopted.sessions += usize::from(session.is_some());
        }
    }
    conn.batch_execute("DROP TABLE adopted_users;")?;
    Ok(adopted)
}

#[derive(Queryable)]
struct ImportedUser {
    id: i64,
    email: Vec<u8>,
    hashed_password: Vec<u8>,
    session_id: Option<Vec<u8>>,
}

impl ImportedUser {
    fn hashed_password(&self) -> HashedPassword {
        HashedPassword::from_stored(text(&self.hashed_password))
    }

    /// The session id, if it is a UUID as Python writes it. The reference service issued no others.
    fn session(&self) -> Option<SessionId> {
        SessionId::parse(&text(self.session_id.as_deref()?)).ok()
    }

    fn insert(
        &self,
        conn: &mut AnyConnection,
        session: Option<&SessionId>,
        settings: &DbSettings,
    ) -> QueryResult<()> {
        let email = text(&self.email);
        let digest = session.map(SessionId::digest);
        diesel::insert_into(users::table)
            .values((
                users::id.eq(self.id),
                users::email.eq(&email),
                users::email_key.eq(NormalizedEmail::canonical(&email).as_str()),
                users::hashed_password.eq(self.hashed_password().expose()),
                users::session_id.eq(digest.as_ref().map(SessionDigest::to_hex)),
            ))
            .execute(conn)?;
        note_parameters(conn, &self.hashed_password())?;
        if let Some(digest) = digest {
            let now = settings.clock.now();
            let expires_at = now.plus(settings.sessions.session_lifetime);
            let cleanup_at = expires_at.min(now.plus(settings.sessions.idle()));
            diesel::insert_into(sessions::table)
                .values((
                    sessions::digest.eq(digest.as_bytes()),
                    sessions::public_id.eq(SessionPublicId::generate(now).as_bytes()),
                    sessions::user_id.eq(self.id),
                    sessions::email.eq(&email),
                    sessions::created_at.eq(now.seconds()),
                    sessions::last_seen_at.eq(now.seconds()),
                    sessions::expires_at.eq(expires_at.seconds()),
                    sessions::cleanup_at.eq(cleanup_at.seconds()),
                ))
                .execute(conn)?;
        }
        Ok(())
    }
}

/// A column's bytes as text. A stored password that is not UTF-8 is not a hash either, so no
/// password matches it before or after.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
