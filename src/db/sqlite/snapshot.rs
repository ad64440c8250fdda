//! Backups of a SQLite database: made while a service writes to it, verified, and restored.
//!
//! A backup is copied by `VACUUM INTO`, which reads one snapshot and blocks no writer. Until it is
//! complete and verified, its name ends with `.unfinished`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;

use super::texts::texts;
use super::{backup, integrity, prepare};
use crate::db::{DbSettings, OpenError};
use crate::ownership::give_to_folder_owner;

/// Ends everything that may have been revoked since the backup.
const REVOKE: &str = "
    PRAGMA secure_delete=ON;
    BEGIN;
    UPDATE users SET session_id = NULL, reset_token = NULL;
    DELETE FROM app_sessions;
    DELETE FROM hand_over_codes;
    DELETE FROM invitations;
    DELETE FROM sessions;
    DELETE FROM pending_logins;
    DELETE FROM known_clients;
    DELETE FROM password_resets;
    DELETE FROM email_tokens;
    DELETE FROM passkey_challenges;
    UPDATE former_emails SET digest = NULL;
    UPDATE factor_changes SET digest = NULL;
    DELETE FROM outbox;
    COMMIT;";

/// A backup that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many users are in it.
    pub users: u64,
    /// The newest migration of its schema.
    pub schema: String,
}

/// Backs a database up to a new file with mode 0600, and verifies the file. A service may use the
/// database meanwhile. Blocks until both are read.
///
/// # Errors
/// [`OpenError`]; then there is no such file.
pub fn create_backup(
    database: &Path,
    target: &Path,
    settings: &DbSettings,
) -> Result<BackupReport, OpenError> {
    let mut conn = prepare::plain(&prepare::existing(database, settings)?)?;
    let claim = Claim::of(target)?;
    claim.copy(&mut conn)?;
    let report = verify_backup(&claim.unfinished, settings)?;
    claim.finish()?;
    Ok(BackupReport {
        path: target.to_owned(),
        ..report
    })
}

/// Opens a backup and checks every page, index entry and reference. Changes nothing. Blocks until
/// the file is read.
///
/// # Errors
/// [`OpenError`] if it is damaged, or not a database of this service.
pub fn verify_backup(file: &Path, settings: &DbSettings) -> Result<BackupReport, OpenError> {
    let path = file.to_owned();
    let findings = integrity::check(file, settings)?;
    if !findings.is_empty() {
        let finding = findings.join("; ");
        return Err(OpenError::Damaged { path, finding });
    }
    let mut conn = prepare::plain(&prepare::existing(file, settings)?)?;
    let schema = prepare::schema_of(&mut conn, file)?;
    let failed = |error| prepare::explain(file, error);
    let users = "SELECT CAST(count(*) AS TEXT) AS value FROM users";
    let users = texts(&mut conn, users).map_err(failed)?;
    let bytes = fs::metadata(file).map(|file| file.len());
    Ok(BackupReport {
        bytes: bytes.map_err(|source| OpenError::File {
            path: path.clone(),
            source,
        })?,
        path,
        users: users
            .first()
            .and_then(|users| users.parse().ok())
            .unwrap_or_default(),
        schema,
    })
}

/// Restores a backup to a database file that does not exist yet: upgrades its schema, and drops
/// sessions, tokens, pending logins, known clients, invitations and queued mails. The caller holds
/// the lock of the database. Blocks until the backup is copied.
///
/// # Errors
/// [`OpenError`]; then there is no such database.
pub fn restore_backup(
    file: &Path,
    database: &Path,
    settings: &DbSettings,
) -> Result<BackupReport, OpenError> {
    // A log of another database would be applied to the restored one.
    for ending in ["-wal", "-journal"] {
        let beside = with_ending(database, ending);
        if beside.exists() {
            return Err(OpenError::Exists(beside));
        }
    }
    let claim = Claim::of(database)?;
    verify_backup(file, settings)?;
    claim.copy(&mut prepare::plain(&prepare::existing(file, settings)?)?)?;
    let location = prepare::existing(&claim.unfinished, settings)?;
    let mut conn = prepare::plain(&location)?;
    let failed = |error| prepare::explain(database, error);
    // A crash leaves an unfinished file, which is never opened: it needs no journal.
    conn.batch_execute("PRAGMA journal_mode=MEMORY;")
        .map_err(failed)?;
    let mut conn = prepare::upgraded(conn, database)?;
    conn.batch_execute(REVOKE).map_err(failed)?;
    drop(conn);
    let report = verify_backup(&claim.unfinished, settings)?;
    claim.finish()?;
    Ok(BackupReport {
        path: database.to_owned(),
        ..report
    })
}

/// An `.unfinished` file that becomes the target. It is removed if that does not happen.
struct Claim {
    target: PathBuf,
    unfinished: PathBuf,
    file: File,
    is_finished: bool,
}

impl Claim {
    /// Claims a target that does not exist. An unfinished file of a process that was killed is
    /// used again.
    fn of(target: &Path) -> Result<Self, OpenError> {
        if target.exists() {
            return Err(OpenError::Exists(target.to_owned()));
        }
        let unfinished = with_ending(target, ".unfinished");
        let failed = |source| OpenError::File {
            path: unfinished.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&unfinished).map_err(failed)?;
        file.try_lock().map_err(|error| OpenError::InUse {
            path: unfinished.clone(),
            cause: format!("another backup or restore writes it: {error}"),
        })?;
        // `VACUUM INTO` needs an empty file.
        file.set_len(0)
            .and_then(|()| give_to_folder_owner(&file, &unfinished))
            .map_err(failed)?;
        Ok(Self {
            target: target.to_owned(),
            unfinished,
            file,
            is_finished: false,
        })
    }

    fn copy(&self, conn: &mut SqliteConnection) -> Result<(), OpenError> {
        let failed = |cause: String| OpenError::Backup {
            path: self.target.clone(),
            cause,
        };
        let target = self.unfinished.to_str();
        let target = target.ok_or_else(|| failed("the path is not UTF-8".to_owned()))?;
        diesel::sql_query("VACUUM INTO ?")
            .bind::<Text, _>(target)
            .execute(conn)
            .map_err(|error| failed(error.to_string()))?;
        Ok(())
    }

    /// Gives the file its name, if that is still free, and syncs content and name to the disk.
    fn finish(mut self) -> Result<(), OpenError> {
        let failed = |source| OpenError::File {
            path: self.target.clone(),
            source,
        };
        self.file.sync_all().map_err(failed)?;
        match fs::hard_link(&self.unfinished, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(OpenError::Exists(self.target.clone()));
            }
            // Not every file system has links.
            Err(_) => fs::rename(&self.unfinished, &self.target).map_err(failed)?,
        }
        self.is_finished = true;
        drop(fs::remove_file(&self.unfinished));
        backup::sync_folder(&self.target).map_err(failed)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_finished {
            backup::remove(&self.unfinished);
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::{REVOKE, texts};
    use crate::db::{DB, DbSettings};
    use crate::domain::DatabaseUrl;

    /// Tables with digests that a restore keeps: they are no tokens, or good only beside a password.
    const KEPT: [&str; 4] = [
        "audit_chain",
        "audit_events",
        "ended_sessions",
        "recovery_codes",
    ];

    fn statements() -> impl Iterator<Item = &'static str> {
        let statements = REVOKE.split(';').map(str::trim);
        statements.filter(|sql| sql.starts_with("UPDATE") || sql.starts_with("DELETE"))
    }

    #[test]
    fn restore_revokes_each_kind_of_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let url = DatabaseUrl::Sqlite(path.clone());
        drop(DB::open(&url, DbSettings::default()).unwrap());
        let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let sql = "SELECT DISTINCT tables.name AS value FROM sqlite_master AS tables \
            JOIN pragma_table_info(tables.name) AS columns \
            WHERE tables.type = 'table' AND columns.name = 'digest'";
        let tables = texts(&mut conn, sql).unwrap();
        assert!(tables.len() > 10, "{tables:?}");
        for table in tables.iter().filter(|name| !KEPT.contains(&name.as_str())) {
            let delete = format!("DELETE FROM {table}");
            let update = format!("UPDATE {table} SET digest = NULL");
            let found = statements().any(|sql| sql == delete || sql == update);
            assert!(found, "{table}");
        }
    }

    #[test]
    fn guide_has_the_same_statements_for_postgres() {
        let guide = include_str!("../../../docs/deploy.md");
        let (_, block) = guide
            .split_once("after-restore.sql <<'SQL'\nBEGIN;\n")
            .unwrap();
        let (block, _) = block.split_once("\nCOMMIT;").unwrap();
        let in_guide: Vec<_> = block
            .lines()
            .map(|line| line.trim_end_matches(';'))
            .collect();
        assert_eq!(in_guide, statements().collect::<Vec<_>>());
    }
}
