//! Imported users: many in one transaction.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::{former_emails, groups};
use crate::db::tables::foreign_hashes::note_parameters;
use crate::db::tables::previous_emails::is_reserved;
use crate::db::{DB, DbError};
use crate::domain::{Email, GroupName, HashedPassword, NormalizedEmail};

/// The most users of one call. SQLite allows 32,766 values in a statement.
pub const IMPORT_BATCH: usize = 1000;

/// A user to import.
#[derive(Debug, Clone)]
pub struct ImportedUserRow {
    /// The address.
    pub email: Email,
    /// The stored password.
    pub hashed_password: HashedPassword,
    /// Whether the address counts as verified.
    pub is_verified: bool,
    /// Whether the account is disabled.
    pub is_disabled: bool,
    /// The groups. Missing ones are created.
    pub groups: Vec<GroupName>,
    /// When the user registered, in seconds since 1970; now, if unknown.
    pub created_at: Option<i64>,
}

impl DB {
    /// Adds users in one transaction, and returns whether each was added. A user whose address is
    /// taken, or reserved as a former address, is left out. Blocks for a few statements.
    ///
    /// # Errors
    /// Only if the database fails. Then none was added.
    pub fn import_users(&self, rows: &[ImportedUserRow]) -> Result<Vec<bool>, DbError> {
        let mut added = Vec::with_capacity(rows.len());
        for batch in rows.chunks(IMPORT_BATCH) {
            for (group, deleted_at) in self.read(|conn| groups_of(conn, batch))? {
                if deleted_at.is_some() {
                    self.finish_deletion(&GroupName::from_stored(group))?;
                }
            }
            added.extend(self.write(|conn| self.import_batch(conn, batch))?);
        }
        Ok(added)
    }

    /// Whether each address is taken. Blocks for a lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn taken_emails(&self, emails: &[NormalizedEmail]) -> Result<Vec<bool>, DbError> {
        let mut taken = Vec::with_capacity(emails.len());
        for batch in emails.chunks(IMPORT_BATCH) {
            let mut values = Vec::new();
            let texts = batch.iter().map(|email| email.as_str().to_owned());
            let list = Statement::<(BigInt, Text)>::list(&mut values, texts);
            let sql = format!("SELECT id, email_key FROM users WHERE email_key IN ({list})");
            let found =
                self.read(|conn| load(conn, Statement::new(sql.clone(), values.clone())))?;
            taken.extend(batch.iter().map(|email| found.contains_key(email.as_str())));
        }
        Ok(taken)
    }

    fn import_batch(
        &self,
        conn: &mut AnyConnection,
        rows: &[ImportedUserRow],
    ) -> Result<Vec<bool>, DbError> {
        let now = self.settings.clock.now();
        let has_reserved = former_emails::table
            .filter(former_emails::reserved.ne(0))
            .select(former_emails::id)
            .limit(1)
            .get_result::<i64>(conn)
            .optional()?
            .is_some();
        let mut free = Vec::with_capacity(rows.len());
        for row in rows {
            let key = row.email.key();
            if !has_reserved || !is_reserved(conn, &key, None, now)? {
                free.push((row, key));
            }
        }
        let ids = insert_users(conn, &free)?;
        let mut added: HashMap<&str, i64> = HashMap::new();
        for (_, key) in &free {
            if let Some(id) = ids.get(key.as_str()) {
                added.insert(key.as_str(), *id);
            }
        }
        let mut outcome = Vec::with_capacity(rows.len());
        let (mut dates, mut verified, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let key = row.email.key();
            // Of two rows with one address, the first one was inserted.
            let Some(id) = added.remove(key.as_str()) else {
                outcome.push(false);
                continue;
            };
            outcome.push(true);
            note_parameters(conn, &row.hashed_password)?;
            let created_at = row.created_at.unwrap_or(now.seconds()).min(now.seconds());
            dates.push(vec![
                Value::number(id),
                Value::number(created_at),
                Value::Number(row.is_disabled.then_some(now.seconds())),
            ]);
            if row.is_verified {
                let key = Value::text(key.as_str());
                verified.push(vec![Value::number(id), key, Value::number(now.seconds())]);
            }
            for group in &row.groups {
                members.push(vec![Value::number(id), Value::text(group.as_str())]);
            }
        }
        create_groups(conn, rows)?;
        insert(
            conn,
            "account_dates (user_id, created_at, disabled_at)",
            &dates,
        )?;
        insert(
            conn,
            "verified_emails (user_id, email_key, verified_at)",
            &verified,
        )?;
        insert(conn, "group_members (user_id, group_name)", &members)?;
        Ok(outcome)
    }
}

/// Inserts those whose address is free, and returns the ids by address.
fn insert_users(
    conn: &mut AnyConnection,
    rows: &[(&ImportedUserRow, NormalizedEmail)],
) -> QueryResult<HashMap<String, i64>> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let values = rows.iter().map(|(row, key)| {
        vec![
            Value::text(row.email.as_str()),
            Value::text(key.as_str()),
            Value::text(row.hashed_password.expose()),
        ]
    });
    let (places, values) = placeholders(values.collect());
    let sql = format!(
        "INSERT INTO users (email, email_key, hashed_password) VALUES {places} \
         ON CONFLICT (email_key) DO NOTHING RETURNING id, email_key"
    );
    load(conn, Statement::new(sql, values))
}

fn create_groups(conn: &mut AnyConnection, rows: &[ImportedUserRow]) -> QueryResult<()> {
    let known = groups_of(conn, rows)?;
    let mut names = names_of(rows);
    names.retain(|name| !known.iter().any(|(known, _)| known == name));
    let rows = names.into_iter().map(|name| vec![Value::text(name)]);
    insert(conn, "groups (name)", &rows.collect::<Vec<_>>())
}

/// The groups of these users that have a row, and when the deletion of each began.
fn groups_of(
    conn: &mut AnyConnection,
    rows: &[ImportedUserRow],
) -> QueryResult<Vec<(String, Option<i64>)>> {
    groups::table
        .filter(groups::name.eq_any(names_of(rows)))
        .select((groups::name, groups::deleted_at))
        .load(conn)
}

fn names_of(rows: &[ImportedUserRow]) -> Vec<&str> {
    let groups = rows.iter().flat_map(|row| &row.groups);
    let mut names: Vec<&str> = groups.map(GroupName::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Inserts rows; those that are there already stay as they are.
fn insert(conn: &mut AnyConnection, into: &str, rows: &[Vec<Value>]) -> QueryResult<()> {
    for rows in rows.chunks(IMPORT_BATCH) {
        let (places, values) = placeholders(rows.to_vec());
        let sql = format!("INSERT INTO {into} VALUES {places} ON CONFLICT DO NOTHING");
        Statement::<()>::new(sql, values).run(conn)?;
    }
    Ok(())
}

/// `($1, $2), ($3, $4)`, and the values in this order.
fn placeholders(rows: Vec<Vec<Value>>) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut places = Vec::with_capacity(rows.len());
    for row in rows {
        let first = values.len() + 1;
        values.extend(row);
        let names: Vec<String> = (first..=values.len()).map(|n| format!("${n}")).collect();
        places.push(format!("({})", names.join(", ")));
    }
    (places.join(", "), values)
}

fn load(
    conn: &mut AnyConnection,
    statement: Statement<(BigInt, Text)>,
) -> QueryResult<HashMap<String, i64>> {
    let rows: Vec<(i64, String)> = match conn {
        AnyConnection::Sqlite(conn) => statement.load(conn)?,
        AnyConnection::Postgres(conn) => statement.load(conn)?,
    };
    Ok(rows.into_iter().map(|(id, key)| (key, id)).collect())
}
