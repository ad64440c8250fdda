//! Checks of the database.

use std::fs;

use super::Finding;
use super::examination::{Check, Examination};
use crate::auth::Auth;
use crate::db::{InstanceLock, IntegrityReport};
use crate::domain::DatabaseUrl;
use crate::server;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "database",
        looks_at: "whether the database opens, and its schema is that of this program",
        run: opens,
    },
    Check {
        name: "integrity",
        looks_at: "damage of the database",
        run: integrity,
    },
    Check {
        name: "users",
        looks_at: "whether the settings name the database with the users",
        run: users,
    },
    Check {
        name: "secret-key",
        looks_at: "whether the secret key is the one of this database",
        run: secret_key,
    },
    Check {
        name: "passkeys",
        looks_at: "whether passkeys are for the host of the public URL",
        run: passkeys,
    },
    Check {
        name: "mail-queue",
        looks_at: "mails that could not be sent",
        run: mail_queue,
    },
    Check {
        name: "running",
        looks_at: "whether a service uses the database",
        run: running,
    },
];

/// The largest SQLite file that is read as a whole.
const QUICK: u64 = 256 << 20;

/// The age at which a mail that was tried and not sent is a finding, in seconds.
const LATE: i64 = 600;

fn opens(examination: &Examination<'_>) -> Vec<Finding> {
    let error = examination.database().err();
    Vec::from_iter(error.map(|error| Finding::of_message(&error.to_string())))
}

fn integrity(examination: &Examination<'_>) -> Vec<Finding> {
    if let DatabaseUrl::Sqlite(file) = &examination.config.database.database_url
        && fs::metadata(file).is_ok_and(|file| file.len() > QUICK)
    {
        return vec![Finding::note(
            "the database is large, and was not read for damage",
            "run `bienvenue db check` at a quiet time",
        )];
    }
    let Ok(_) = examination.database() else {
        return vec![unopened()];
    };
    match server::check_database(examination.config) {
        Ok(IntegrityReport::Clean | IntegrityReport::ServerReachable) => Vec::new(),
        Ok(IntegrityReport::Damaged(found)) => vec![Finding::error(
            format!("the database is damaged: {}", found.join(", ")),
            "stop the service and restore a backup, or recover the readable rows with `sqlite3 \
             FILE .recover`",
        )],
        Err(error) => vec![Finding::of_message(&error.to_string())],
    }
}

fn users(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(db) = examination.database() else {
        return vec![unopened()];
    };
    let url = &examination.config.database.database_url;
    let elsewhere = server::users_in_default_file(url, db);
    let finding = elsewhere.map(|(file, users)| {
        let file = file.display();
        Finding::error(
            format!("{url} has no users, and {file} has {users}: they cannot log in"),
            format!("set DATABASE_URL=sqlite://{file} to use that file, or move the users"),
        )
    });
    Vec::from_iter(finding)
}

fn secret_key(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(db) = examination.database() else {
        return vec![unopened()];
    };
    let config = examination.config;
    let checked = Auth::new(db.clone(), server::auth_settings(config)).map(|auth| {
        let auth = auth.with_secret_keys(server::secret_keys(config));
        auth.check_secret_key()
    });
    match checked {
        Ok(Ok(())) => Vec::new(),
        Ok(Err(error)) => vec![Finding::of_message(&error.to_string())],
        Err(error) => vec![Finding::skipped(
            format!("the check could not start: {error}"),
            "see the limits of processes and memory",
        )],
    }
}

fn passkeys(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(db) = examination.database() else {
        return vec![unopened()];
    };
    let party = server::relying_party(examination.config);
    let rp_id = party.as_ref().map_or("", |party| party.id());
    match db.passkeys_of_another_host(rp_id) {
        Ok(None) => Vec::new(),
        Ok(Some((host, count))) => vec![Finding::error(
            format!("{count} passkeys are for the host {host} and cannot be used"),
            "set --public-url back to that host, or let their users log in another way and add \
             passkeys again",
        )],
        Err(error) => vec![Finding::of_message(&error.to_string())],
    }
}

fn mail_queue(examination: &Examination<'_>) -> Vec<Finding> {
    let Ok(db) = examination.database() else {
        return vec![unopened()];
    };
    let waiting = match db.waiting_mails(None, 1000) {
        Ok(waiting) => waiting,
        Err(error) => return vec![Finding::of_message(&error.to_string())],
    };
    let now = db.clock().now().seconds();
    let is_late = |created: i64| now.saturating_sub(created) > LATE;
    let late = waiting
        .iter()
        .filter(|mail| mail.attempts > 0 && is_late(mail.created_at.seconds()))
        .count();
    if late == 0 {
        return Vec::new();
    }
    vec![Finding::warning(
        format!("{late} mails were tried and wait for more than ten minutes"),
        "read the service's log for the cause; `bienvenue mail queue` lists them",
    )]
}

fn running(examination: &Examination<'_>) -> Vec<Finding> {
    let url = &examination.config.database.database_url;
    match InstanceLock::is_free(url) {
        Ok(false) => Vec::new(),
        Ok(true) => vec![Finding::note(
            format!("no running service uses {url}"),
            "start the service; if it runs, it uses another database: compare DATABASE_URL",
        )],
        Err(error) => vec![Finding::of_message(&error.to_string())],
    }
}

fn unopened() -> Finding {
    Finding::skipped(
        "the database could not be opened",
        "see the check `database`",
    )
}
