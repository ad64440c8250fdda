//! Checks of files: who can read and change them, who owns them, and the room on their disk.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::Finding;
use super::examination::{Check, Examination};
use crate::config::{Config, MailTarget};
use crate::domain::DatabaseUrl;
use crate::server;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "secret-files",
        looks_at: "who can read the database, the secret key and mails in a folder",
        run: secret_files,
    },
    Check {
        name: "changeable-files",
        looks_at: "who can change the settings file, the templates and the database's folder",
        run: changeable_files,
    },
    Check {
        name: "owners",
        looks_at: "whether the database's files belong to the owner of their folder",
        run: owners,
    },
    Check {
        name: "disk",
        looks_at: "the free space on the database's disk",
        run: disk,
    },
];

/// The endings of the files beside a SQLite file.
const BESIDE: [&str; 4] = ["-wal", "-shm", ".lock", ".secret-key"];

/// The SQLite file, if the database is one.
fn database_file(config: &Config) -> Option<&Path> {
    match &config.database.database_url {
        DatabaseUrl::Sqlite(file) => Some(file),
        DatabaseUrl::Postgres(_) => None,
    }
}

/// The SQLite file and those beside it that exist.
fn database_files(config: &Config) -> Vec<(PathBuf, Metadata)> {
    let Some(file) = database_file(config) else {
        return Vec::new();
    };
    let beside = BESIDE.map(|ending| {
        let mut name = OsString::from(file);
        name.push(ending);
        PathBuf::from(name)
    });
    let all = [file.to_owned()].into_iter().chain(beside);
    all.filter_map(|path| fs::metadata(&path).ok().map(|found| (path, found)))
        .collect()
}

/// The folder that a path is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

fn secret_files(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let mut findings = Vec::new();
    for (path, found) in database_files(config) {
        let is_lock = path.extension().is_some_and(|ending| ending == "lock");
        if found.permissions().mode() & 0o007 != 0 && !is_lock {
            let path = path.display();
            findings.push(Finding::error(
                format!("other users of this machine may read {path}"),
                format!("chmod 600 {path}"),
            ));
        }
    }
    if let Err(error) = server::secret_keys(config).find() {
        findings.push(Finding::of_message(&error.to_string()));
    }
    if let Some(MailTarget::Folder(folder)) = &config.accounts.mail
        && fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o007 != 0)
    {
        let folder = folder.display();
        findings.push(Finding::warning(
            format!("other users of this machine may read the mails in {folder}, with their links"),
            format!("chmod 700 {folder}"),
        ));
    }
    findings
}

fn changeable_files(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let settings = config.settings_file();
    let folder = database_file(config).map(folder_of);
    let files = [
        settings.as_deref(),
        folder,
        config.accounts.mail_templates.as_deref(),
        config.pages.page_templates.as_deref(),
        config.pages.logo.as_deref(),
    ];
    let others_change = |path: &&Path| {
        let mode = fs::metadata(path).map_or(0, |found| found.permissions().mode());
        // In a folder with the sticky bit, others cannot replace files.
        mode & 0o002 != 0 && mode & 0o1000 == 0
    };
    files
        .into_iter()
        .flatten()
        .filter(others_change)
        .map(|path| {
            let path = path.display();
            Finding::error(
                format!("other users of this machine may change {path}"),
                format!("chmod o-w {path}"),
            )
        })
        .collect()
}

fn owners(examination: &Examination<'_>) -> Vec<Finding> {
    let files = database_files(examination.config);
    let Some((first, _)) = files.first() else {
        return Vec::new();
    };
    let folder = folder_of(first);
    let Ok(owner) = fs::metadata(folder) else {
        return Vec::new();
    };
    // Such a folder, as /tmp, is for files of all users.
    if owner.permissions().mode() & 0o002 != 0 {
        return Vec::new();
    }
    files
        .iter()
        .filter(|(_, found)| found.uid() != owner.uid())
        .map(|(path, found)| {
            let (path, folder) = (path.display(), folder.display());
            Finding::error(
                format!(
                    "{path} belongs to user {}, and its folder to user {}: the service may be \
                     unable to write",
                    found.uid(),
                    owner.uid()
                ),
                format!("chown --reference={folder} {path}"),
            )
        })
        .collect()
}

/// Below this the disk is full soon.
const LITTLE: u64 = 64 << 20;
/// Below this there is no room for a migration, which copies the database first.
const SOME: u64 = 512 << 20;

fn disk(examination: &Examination<'_>) -> Vec<Finding> {
    let Some(file) = database_file(examination.config) else {
        return Vec::new();
    };
    let folder = folder_of(file);
    let shown = folder.display();
    let Ok(disk) = statvfs(folder) else {
        return vec![Finding::error(
            format!("there is no folder {shown} for the database"),
            "create it, or correct DATABASE_URL",
        )];
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let size = fs::metadata(file).map_or(0, |found| found.len());
    let mib = free >> 20;
    let finding = if free < LITTLE || (disk.f_files > 0 && disk.f_favail < 100) {
        Finding::error(
            format!("the disk of {shown} is almost full: {mib} MiB are free"),
            "free space: without it, the service refuses all writes",
        )
    } else if free < SOME.max(size.saturating_mul(2)) {
        Finding::warning(
            format!("{mib} MiB are free on the disk of {shown}"),
            "free space: an upgrade copies the database first, and so do backups",
        )
    } else {
        return Vec::new();
    };
    vec![finding]
}
