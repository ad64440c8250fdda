//! The users in databases of other systems: PocketBase, Django, and Flask applications. They are
//! only read, page by page.

use diesel::ConnectionError;
use diesel::connection::Connection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::DbSettings;
use super::connection::AnyConnection;
use super::connection::sqlite::Location;

/// How many users are read at a time.
const PAGE: i64 = 1000;

/// The database of another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherSystem {
    /// `PocketBase`: its collection `users`.
    PocketBase,
    /// Django: `auth_user` and its groups.
    Django,
    /// A table `users` or `user` with an email and a hash.
    Flask,
}

/// A user of another system.
#[derive(Debug, Clone, QueryableByName)]
pub struct OtherUser {
    /// The key of the row.
    #[diesel(sql_type = BigInt)]
    pub key: i64,
    /// The address.
    #[diesel(sql_type = Nullable<Text>)]
    pub email: Option<String>,
    /// The password hash.
    #[diesel(sql_type = Nullable<Text>)]
    pub hash: Option<String>,
    /// 1 if the address was verified.
    #[diesel(sql_type = BigInt)]
    pub verified: i64,
    /// 1 if the user is disabled.
    #[diesel(sql_type = BigInt)]
    pub disabled: i64,
    /// The names of the groups, with line feeds between them.
    #[diesel(sql_type = Nullable<Text>)]
    pub groups: Option<String>,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Why the database of another system cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OtherSystemError {
    /// It cannot be opened.
    #[error("cannot open it: {0}")]
    Open(#[from] ConnectionError),
    /// It has no table of users in the expected form.
    #[error("it has no table of users as this kind of source has it: {0}")]
    Schema(String),
    /// A query failed.
    #[error("cannot read it: {0}")]
    Query(#[from] diesel::result::Error),
}

/// An open database of another system.
pub struct OtherDatabase {
    conn: AnyConnection,
    /// The query, with `$KEY` for the last key.
    query: String,
    last: i64,
}

impl OtherDatabase {
    /// Opens a database: a SQLite file, or the URL of a PostgreSQL server. Nothing in it is
    /// changed. Blocks.
    ///
    /// # Errors
    /// [`OtherSystemError`] with the reason.
    pub fn open(system: &OtherSystem, place: &str) -> Result<Self, OtherSystemError> {
        let is_server = place.starts_with("postgres://") || place.starts_with("postgresql://");
        let mut conn = if is_server {
            AnyConnection::Postgres(PgConnection::establish(place)?)
        } else {
            let location = Location::new(place.into(), &DbSettings::default());
            AnyConnection::Sqlite(location.connect_plainly()?)
        };
        let query = match system {
            OtherSystem::PocketBase => pocketbase(&mut conn)?,
            OtherSystem::Django => django(&conn),
            OtherSystem::Flask => flask(&mut conn)?,
        };
        let last = i64::MIN;
        Ok(Self { conn, query, last })
    }

    /// The next users, in the order of their keys; none after the last one. Blocks for a query.
    ///
    /// # Errors
    /// [`OtherSystemError`] if the query fails.
    pub fn next_page(&mut self) -> Result<Vec<OtherUser>, OtherSystemError> {
        let query = self.query.replace("$KEY", &self.last.to_string());
        let query = format!("{query} LIMIT {PAGE}");
        let users: Vec<OtherUser> = diesel::sql_query(query).load(&mut self.conn)?;
        if let Some(last) = users.last() {
            self.last = last.key;
        }
        Ok(users)
    }
}

/// Older versions named the column `passwordHash`.
fn pocketbase(conn: &mut AnyConnection) -> Result<String, OtherSystemError> {
    let names = columns(conn, "users")?;
    let hash = one_of(&names, &["password", "passwordHash"], "users")?;
    Ok(format!(
        "SELECT rowid AS key, email, \"{hash}\" AS hash, \
         CASE WHEN verified THEN 1 ELSE 0 END AS verified, 0 AS disabled, \
         CAST(NULL AS TEXT) AS groups FROM users WHERE rowid > $KEY ORDER BY rowid"
    ))
}

fn django(conn: &AnyConnection) -> String {
    let (groups, big) = match conn {
        AnyConnection::Sqlite(_) => ("group_concat(auth_group.name, char(10))", ""),
        AnyConnection::Postgres(_) => ("string_agg(auth_group.name, chr(10))", "::bigint"),
    };
    format!(
        "SELECT auth_user.id{big} AS key, email, password AS hash, 0{big} AS verified, \
         (CASE WHEN is_active THEN 0 ELSE 1 END){big} AS disabled, \
         (SELECT {groups} FROM auth_user_groups JOIN auth_group \
          ON auth_group.id = auth_user_groups.group_id \
          WHERE auth_user_groups.user_id = auth_user.id) AS groups \
         FROM auth_user WHERE auth_user.id > $KEY ORDER BY auth_user.id"
    )
}

fn flask(conn: &mut AnyConnection) -> Result<String, OtherSystemError> {
    for table in ["users", "user"] {
        let names = columns(conn, table)?;
        if names.is_empty() {
            continue;
        }
        let hashes = [
            "password_hash",
            "hashed_password",
            "password",
            "encrypted_password",
        ];
        let hash = one_of(&names, &hashes, table)?;
        let email = one_of(&names, &["email", "email_address"], table)?;
        return Ok(format!(
            "SELECT rowid AS key, CAST(\"{email}\" AS TEXT) AS email, \
             CAST(\"{hash}\" AS TEXT) AS hash, 0 AS verified, 0 AS disabled, \
             CAST(NULL AS TEXT) AS groups FROM \"{table}\" WHERE rowid > $KEY ORDER BY rowid"
        ));
    }
    Err(OtherSystemError::Schema(
        "no table `users` or `user`".to_owned(),
    ))
}

/// The columns of a table of a SQLite file; none if there is no such table.
fn columns(conn: &mut AnyConnection, table: &str) -> Result<Vec<String>, OtherSystemError> {
    let query = format!("SELECT name FROM pragma_table_info('{table}')");
    let names: Vec<Name> = diesel::sql_query(query).load(conn)?;
    Ok(names.into_iter().map(|row| row.name).collect())
}

fn one_of<'a>(
    names: &[String],
    wanted: &[&'a str],
    table: &str,
) -> Result<&'a str, OtherSystemError> {
    let found = wanted
        .iter()
        .find(|wanted| names.iter().any(|name| name == *wanted));
    found.copied().ok_or_else(|| {
        OtherSystemError::Schema(format!("`{table}` has no column {}", wanted.join(" or ")))
    })
}

impl std::fmt::Debug for OtherDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtherDatabase").finish_non_exhaustive()
    }
}
