//! Builds the service from its layers and runs it until it is stopped.

mod connection_limit;
mod error;
mod http_server;
mod listener;
mod ops_listener;
mod service;
mod shutdown;
mod signals;
mod socket_activation;
mod start_warnings;
mod startup_log;
mod timeouts;
mod watchdog;
mod wiring;

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use actix_web::rt;

pub use error::ServerError;
pub use start_warnings::{is_public, users_in_default_file};
pub use wiring::{
    DEFAULT_FOLDER, auth_settings, mail_settings, mailer, relying_party, secret_keys, sender,
    service_url,
};

use crate::config::{Config, Migrate};
use crate::db::{
    self, BackupReport, CopyError, CopySummary, DB, DbSettings, InstanceLock, IntegrityReport,
    OnlineSummary, OpenError, OpenMode, RestartCause, check_integrity, create_backup,
    restore_backup, verify_backup,
};
use crate::domain::DatabaseUrl;
use crate::http::Pages;
use crate::mail::Templates;
use service::{Environment, Parts, Service};
use start_warnings::{
    warn_of_exposure, warn_of_missing_settings, warn_of_passkeys_of_another_host,
    warn_of_users_in_default_file,
};
use startup_log::log_startup;
use wiring::{db_settings, page_settings};

/// Runs the service until a signal stops it. It answers all requests that were read by then.
/// Blocks.
///
/// # Errors
/// [`ServerError`] if the service cannot start, or if the database has lost a commit.
pub fn run(config: &Config) -> Result<(), ServerError> {
    // While there is only one thread, because it removes environment variables.
    let inherited = socket_activation::inherited().map_err(ServerError::SocketActivation)?;
    rt::System::new().block_on(serve(config, inherited))
}

/// How long a command waits for an unreachable database server.
const COMMAND_WAIT: Duration = Duration::from_secs(5);

/// Opens the database of the settings, for a command. Blocks.
///
/// # Errors
/// [`OpenError`] with the remedy.
pub fn open_for_command(config: &Config, open: OpenMode) -> Result<DB, OpenError> {
    open_database(
        &config.database.database_url,
        command_settings(config, open),
        || {},
    )
}

/// Creates the database of the settings, or brings its schema up to date. `done` is called before
/// the outcome is logged. Blocks.
///
/// # Errors
/// [`OpenError`] with the remedy.
pub fn migrate(config: &Config, done: impl FnOnce()) -> Result<(), OpenError> {
    let settings = command_settings(config, OpenMode::Migrate);
    open_database(&config.database.database_url, settings, done).map(drop)
}

fn command_settings(config: &Config, open: OpenMode) -> DbSettings {
    DbSettings {
        server_wait: COMMAND_WAIT,
        ..db_settings(config, open)
    }
}

fn open_database(
    url: &DatabaseUrl,
    settings: DbSettings,
    done: impl FnOnce(),
) -> Result<DB, OpenError> {
    let opened = DB::open_with_outcome(url, settings);
    done();
    let (db, opened) = opened?;
    log::info!("database {url}: {opened}");
    if let Some(warning) = opened.warning() {
        log::warn!("database {url}: {warning}");
    }
    Ok(db)
}

/// Copies the database of the settings into an empty one. `progress` gets the number of rows after
/// each page. Blocks until all is copied and compared.
///
/// # Errors
/// [`CopyError`] with the reason. Then the target has no rows.
pub fn copy_database(
    config: &Config,
    to: &DatabaseUrl,
    progress: impl FnMut(usize),
) -> Result<CopySummary, CopyError> {
    let settings = command_settings(config, OpenMode::Check);
    db::copy_database(&config.database.database_url, to, &settings, progress)
}

/// Copies the database of the settings into an empty one while the service uses it, and puts the
/// copy in charge. `progress` gets the number of rows after each page. Blocks until the service
/// has noticed.
///
/// # Errors
/// [`CopyError`] with the reason. Then the service was not moved.
pub fn copy_online(
    config: &Config,
    to: &DatabaseUrl,
    progress: impl FnMut(usize),
) -> Result<OnlineSummary, CopyError> {
    let settings = command_settings(config, OpenMode::Check);
    db::copy_online(&config.database.database_url, to, &settings, progress)
}

/// Checks the database of the settings, also while a service uses it. Blocks.
///
/// # Errors
/// [`OpenError`] if the database cannot be opened.
pub fn check_database(config: &Config) -> Result<IntegrityReport, OpenError> {
    let settings = db_settings(config, OpenMode::Check);
    check_integrity(&config.database.database_url, &settings)
}

/// Backs the SQLite database up to a new file, and verifies the file. Blocks.
///
/// # Errors
/// As [`create_backup`].
pub fn back_up(config: &Config, database: &Path, target: &Path) -> Result<BackupReport, OpenError> {
    create_backup(database, target, &db_settings(config, OpenMode::Check))
}

/// Checks a backup. Blocks.
///
/// # Errors
/// As [`verify_backup`].
pub fn check_backup(config: &Config, file: &Path) -> Result<BackupReport, OpenError> {
    verify_backup(file, &db_settings(config, OpenMode::Check))
}

/// Restores a backup to a SQLite database that does not exist and is not served. Blocks.
///
/// # Errors
/// As [`restore_backup`], and if a service uses the database.
pub fn restore(config: &Config, file: &Path, database: &Path) -> Result<BackupReport, OpenError> {
    let _lock = InstanceLock::acquire(&config.database.database_url, OpenMode::Migrate)?;
    restore_backup(file, database, &db_settings(config, OpenMode::Migrate))
}

/// Checks the settings that only a start checks: the templates of mails and pages. Warns as a
/// start does. Blocks for reading the templates.
///
/// # Errors
/// [`ServerError`] with the template.
pub fn check_settings(config: &Config) -> Result<(), ServerError> {
    warn_of_missing_settings(config);
    warn_of_exposure(config, config.bind());
    check_templates(config)
}

/// Checks the templates of mails and pages, and the logo. Blocks for reading them.
///
/// # Errors
/// [`ServerError`] with the template.
pub fn check_templates(config: &Config) -> Result<(), ServerError> {
    Templates::new(mail_settings(config, config.bind()))?;
    page_settings(config).map(Pages::new).transpose()?;
    Ok(())
}

/// Serves until the service has stopped. After a move, it goes on with the new database.
async fn serve(config: &Config, inherited: Option<TcpListener>) -> Result<(), ServerError> {
    log_startup(config);
    let remarks = warn_of_missing_settings(config);
    // The socket is opened before the database: a service that already listens there may use the
    // file that would be imported.
    let environment = Environment::open(config, inherited, remarks)?;
    let parts = Parts::new(&environment)?;
    let opened = lock_and_open(config)?;
    warn_of_users_in_default_file(&config.database.database_url, &opened.1);
    warn_of_passkeys_of_another_host(relying_party(config).as_ref(), &opened.1);
    let mut service = Service::start(&environment, opened, parts)?;
    let mut retiring = None;
    loop {
        match service.until_stopped().await? {
            None => break,
            Some(RestartCause::CommitLost(cause)) => return Err(ServerError::CommitLost { cause }),
            Some(RestartCause::Moved) => {
                let parts = Parts::new(&environment)?;
                service.release_lock();
                let opened = (None, open_moved(config)?);
                let next = Service::start(&environment, opened, parts)?;
                retiring = Some(service.retire());
                service = next;
            }
        }
    }
    drop(environment);
    if let Some(retiring) = retiring {
        retiring.await.map_err(std::io::Error::other)?;
    }
    service.flush()?;
    log::info!("stopped");
    Ok(())
}

/// How the service opens its database.
fn service_settings(config: &Config) -> DbSettings {
    let open = match config.database.migrate {
        Migrate::Auto => OpenMode::Migrate,
        Migrate::Check => OpenMode::Check,
    };
    db_settings(config, open)
}

/// Locks the database for this service, and opens it; or the one to which it was moved.
fn lock_and_open(config: &Config) -> Result<(Option<InstanceLock>, DB), OpenError> {
    let settings = service_settings(config);
    let url = &config.database.database_url;
    let lock = InstanceLock::acquire(url, settings.open)?;
    match open_database(url, settings, || {}) {
        Err(OpenError::Moved { .. }) => {
            drop(lock);
            Ok((None, open_moved(config)?))
        }
        opened => Ok((lock, opened?)),
    }
}

/// Opens the database to which that of the settings was moved.
fn open_moved(config: &Config) -> Result<DB, OpenError> {
    let url = &config.database.database_url;
    let target = db::moved_to(url)?;
    log::warn!(
        "{url} was moved to {target}, which is used: set DATABASE_URL to it, and \
         --secret-key-file to the old file's key if there is one; then delete the old file"
    );
    open_database(&target, service_settings(config), || {})
}
