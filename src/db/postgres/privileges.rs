//! Checks the privileges of the service's role, and names the missing GRANT.

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, Text};

use crate::db::OpenError;
use crate::db::connection::AnyConnection;
use crate::db::migrations::{self, MigrationError};

/// The tables of `schema.rs`.
const TABLES: [&str; 29] = [
    "account_dates",
    "app_groups",
    "app_sessions",
    "apps",
    "audit_chain",
    "audit_events",
    "copy_marks",
    "email_tokens",
    "ended_sessions",
    "factor_changes",
    "foreign_hashes",
    "former_emails",
    "group_members",
    "groups",
    "hand_over_codes",
    "invitations",
    "known_clients",
    "outbox",
    "passkey_challenges",
    "passkeys",
    "password_resets",
    "pending_logins",
    "recovery_codes",
    "secret_key_check",
    "sessions",
    "throttle",
    "totp",
    "users",
    "verified_emails",
];

/// Finds existing tables that the role may not read and write.
const MISSING: &str = "\
    SELECT relname::text AS name, relnamespace::regnamespace::text AS schema, \
        quote_ident(current_user)::text AS role \
    FROM pg_catalog.pg_class \
    WHERE relname = ANY(array_append($2, $1)) \
        AND pg_table_is_visible(pg_class.oid) AND relkind = 'r' AND NOT ( \
            has_table_privilege(pg_class.oid, 'SELECT') AND (relname = $1 \
                OR has_table_privilege(pg_class.oid, 'INSERT') \
                AND has_table_privilege(pg_class.oid, 'UPDATE') \
                AND has_table_privilege(pg_class.oid, 'DELETE'))) \
    ORDER BY relname";

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    schema: String,
    #[diesel(sql_type = Text)]
    role: String,
}

/// Refuses a role that may not read and write the existing tables.
pub(super) fn check(conn: &mut AnyConnection) -> Result<(), OpenError> {
    let query = diesel::sql_query(MISSING)
        .bind::<Text, _>(migrations::TABLE)
        .bind::<Array<Text>, _>(TABLES.as_slice());
    let missing: Vec<Missing> = match conn {
        AnyConnection::Postgres(conn) => query
            .load(conn)
            .map_err(|error| MigrationError::Diesel(error).explain())?,
        AnyConnection::Sqlite(_) => Vec::new(),
    };
    let Some(Missing { schema, role, .. }) = missing.first() else {
        return Ok(());
    };
    let names: Vec<&str> = missing.iter().map(|table| table.name.as_str()).collect();
    Err(OpenError::Privileges {
        cause: format!(
            "{role} may not read and write the tables {}",
            names.join(", ")
        ),
        remedy: format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
        ),
    })
}

/// Describes a failed change of the schema. For a missing privilege, it names the GRANT.
pub(super) fn explain(error: MigrationError) -> OpenError {
    let cause = match &error {
        MigrationError::Diesel(DieselError::DatabaseError(_, info)) => info.message().to_owned(),
        MigrationError::Diesel(_) | MigrationError::Unavailable(_) => String::new(),
        MigrationError::Migration(error) => error.to_string(),
    };
    let is_privilege = [
        "permission denied for",
        "must be owner of",
        "no schema has been selected",
    ]
    .iter()
    .any(|text| cause.contains(text));
    if !is_privilege {
        return error.explain();
    }
    OpenError::Privileges {
        cause,
        remedy: "GRANT USAGE, CREATE ON SCHEMA public TO the service's role, if it should create \
                 the tables; otherwise run `bienvenue db migrate` as the owner of the tables, and \
                 start the service with --migrate check"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::TABLES;

    #[test]
    fn privileges_are_checked_for_each_table_of_the_schema() {
        let schema = include_str!("../schema.rs");
        assert_eq!(schema.matches("diesel::table!").count(), TABLES.len());
        for table in TABLES {
            assert!(schema.contains(&format!("\n    {table} (")), "{table}");
        }
    }
}
