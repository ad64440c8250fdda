//! Permanent refusals of a connection by a PostgreSQL server, and their remedies.
//!
//! libpq returns a text without SQLSTATE for a refused connection. The texts below are those of
//! classes 28 and 3D. A server with messages in another language than English counts as
//! unreachable, unless the text contains `pg_hba.conf`.

use crate::domain::PostgresUrl;

/// The remedy for a permanent refusal; none for any other failure.
pub(super) fn remedy(error: &str, url: &PostgresUrl) -> Option<String> {
    let user = url.user().unwrap_or("USER");
    let database = Some(url.database()).filter(|name| !name.is_empty());
    let database = database.unwrap_or("DATABASE");
    let says = |words: &[&str]| words.iter().all(|word| error.contains(word));
    // libpq itself reports a missing password, without FATAL.
    if says(&["no password supplied"]) || says(&["password authentication failed"]) {
        return Some(
            "check the user and the password in DATABASE_URL, or in the file of \
             DATABASE_URL_FILE"
                .to_owned(),
        );
    }
    if says(&["Peer authentication failed"]) || says(&["Ident authentication failed"]) {
        return Some(format!(
            "the server accepts only the system user of this name: run `runuser -u {user} -- \
             bienvenue ...`"
        ));
    }
    if says(&["pg_hba.conf"]) {
        return Some(format!(
            "allow {user} to connect to {database} in the server's pg_hba.conf, and reload the \
             server"
        ));
    }
    if says(&["FATAL", "role \"", "does not exist"]) {
        return Some(format!(
            "create the role with `createuser {user}`, or correct DATABASE_URL"
        ));
    }
    if says(&["FATAL", "database \"", "does not exist"]) {
        return Some(format!(
            "create the database with `createdb --owner {user} {database}`, or correct DATABASE_URL"
        ));
    }
    if says(&["FATAL", "is not permitted to log in"]) {
        return Some(format!("run `ALTER ROLE {user} LOGIN` as an administrator"));
    }
    if says(&["FATAL", "permission denied for database"]) {
        return Some(format!(
            "run `GRANT CONNECT ON DATABASE {database} TO {user}` as its owner"
        ));
    }
    says(&["FATAL", "authentication failed"])
        .then(|| "check how the server authenticates this user (pg_hba.conf)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DatabaseUrl;

    fn remedy_for(error: &str) -> Option<String> {
        let url = "postgres://ann:s3@db.x.org:5433/users?host=/run/pg".parse();
        let DatabaseUrl::Postgres(url) = url.unwrap() else {
            unreachable!()
        };
        remedy(error, &url)
    }

    #[test]
    fn refusals_of_classes_28_and_3d_have_a_remedy() {
        for (error, remedy) in [
            (
                r#"FATAL:  Peer authentication failed for user "ann""#,
                "runuser -u ann",
            ),
            (
                r#"FATAL:  password authentication failed for user "ann""#,
                "password in DATABASE_URL",
            ),
            (
                "fe_sendauth: no password supplied",
                "password in DATABASE_URL",
            ),
            (r#"FATAL:  role "ann" does not exist"#, "createuser ann"),
            (
                r#"FATAL:  database "users" does not exist"#,
                "createdb --owner ann users",
            ),
            (
                r#"FATAL:  role "ann" is not permitted to log in"#,
                "ALTER ROLE ann LOGIN",
            ),
            (
                r#"FATAL:  no pg_hba.conf entry for host "10.0.0.1""#,
                "pg_hba.conf",
            ),
            (
                "FATAL:  kein pg_hba.conf-Eintrag für Host »10.0.0.1«",
                "pg_hba.conf",
            ),
            (
                r#"FATAL:  permission denied for database "users""#,
                "GRANT CONNECT ON DATABASE users TO ann",
            ),
            (
                r#"FATAL:  GSSAPI authentication failed for user "ann""#,
                "authenticates",
            ),
        ] {
            let told = remedy_for(error).unwrap_or_default();
            assert!(told.contains(remedy), "{error}: {told}");
            assert!(!told.contains("s3"), "{told}");
        }
    }

    #[test]
    fn an_unreachable_or_busy_server_has_no_remedy() {
        for error in [
            "connection to server on socket \"/run/pg/.s.PGSQL.5432\" failed: No such file or directory",
            "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
            "FATAL:  the database system is starting up",
            "FATAL:  the database system is shutting down",
            "FATAL:  sorry, too many clients already",
            "FATAL:  remaining connection slots are reserved for roles with privileges",
            "FATAL:  canceling authentication due to timeout",
            "could not translate host name \"db.x.org\" to address: Name or service not known",
            "timeout expired",
        ] {
            assert_eq!(remedy_for(error), None, "{error}");
        }
    }
}
