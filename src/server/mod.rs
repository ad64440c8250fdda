//! Builds the service from its layers and runs it until it is stopped.

mod connection_limit;
mod error;
mod http_server;
mod listener;
mod ops_listener;
mod shutdown;
mod signals;
mod socket_activation;
mod start_warnings;
mod startup_log;
mod timeouts;
mod watchdog;
mod wiring;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::rt::task::JoinHandle;
use actix_web::{rt, web};
use futures_util::future::{Either, select};

pub use error::ServerError;
pub use start_warnings::{is_public, users_in_default_file};
pub use wiring::{
    DEFAULT_FOLDER, auth_settings, mail_settings, mailer, relying_party, secret_keys, sender,
    service_url,
};

use crate::auth::{Auth, MonitorSettings};
use crate::config::{Config, Migrate};
use crate::db::{
    self, BackupReport, CopyError, CopySummary, DB, DbSettings, InstanceLock, IntegrityReport,
    OnlineSummary, OpenError, OpenMode, RestartCause, check_integrity, create_backup,
    restore_backup, verify_backup,
};
use crate::domain::DatabaseUrl;
use crate::http::{HttpApp, Pages};
use crate::mail::{Mailer, Templates};
use listener::Listeners;
use ops_listener::OpsListener;
use shutdown::{Shutdown, flush};
use signals::Signals;
use start_warnings::{
    warn_of_exposure, warn_of_missing_settings, warn_of_passkeys_of_another_host,
    warn_of_users_in_default_file,
};
use startup_log::log_startup;
use watchdog::{ServiceManager, Watchdog};
use wiring::{db_settings, http_settings, page_settings, shown_in_development};

/// Runs the service until a signal stops it. It answers all requests that were read by then.
/// Blocks.
///
/// # Errors
/// [`ServerError`] if the service cannot start, or if the database has lost a commit.
pub fn run(config: &Config) -> Result<(), ServerError> {
    // While there is only one thread, because it removes environment variables.
    let inherited = socket_activation::inherited().map_err(ServerError::SocketActivation)?;
    loop {
        let listener = inherited.as_ref().map(TcpListener::try_clone).transpose()?;
        match rt::System::new().block_on(serve(config, listener))? {
            None => return Ok(()),
            Some(RestartCause::CommitLost(cause)) => return Err(ServerError::CommitLost { cause }),
            Some(RestartCause::Moved) => {}
        }
    }
}

/// How long a command waits for an unreachable database server.
const COMMAND_WAIT: Duration = Duration::from_secs(5);

/// Opens the database of the settings, for a command. Blocks.
///
/// # Errors
/// [`OpenError`] with the remedy.
pub fn open_for_command(config: &Config, open: OpenMode) -> Result<DB, OpenError> {
    let settings = DbSettings {
        server_wait: COMMAND_WAIT,
        ..db_settings(config, open)
    };
    open_database(&config.database.database_url, settings)
}

fn open_database(url: &DatabaseUrl, settings: DbSettings) -> Result<DB, OpenError> {
    let (db, opened) = DB::open_with_outcome(url, settings)?;
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
    let settings = DbSettings {
        server_wait: COMMAND_WAIT,
        ..db_settings(config, OpenMode::Check)
    };
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
    let settings = DbSettings {
        server_wait: COMMAND_WAIT,
        ..db_settings(config, OpenMode::Check)
    };
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

/// Serves until the service has stopped. Returns why the database has to be opened again, if so.
async fn serve(
    config: &Config,
    inherited: Option<TcpListener>,
) -> Result<Option<RestartCause>, ServerError> {
    log_startup(config);
    let remarks = warn_of_missing_settings(config);
    let manager = Arc::new(ServiceManager::default());
    // The socket is opened before the database: a service that already listens there may use the
    // file that would be imported.
    let listeners = Listeners::open(config, inherited)?;
    warn_of_exposure(config, listeners.address);
    let mailer = shown_in_development(config, mailer(config)?);
    let templates = Templates::new(mail_settings(config, listeners.address))?;
    let pages = page_settings(config).map(Pages::new).transpose()?;
    manager.status("opening the database");
    let (_lock, db) = lock_and_open(config)?;
    warn_of_users_in_default_file(&config.database.database_url, &db);
    warn_of_passkeys_of_another_host(relying_party(config).as_ref(), &db);
    let restart = db.restart_needed();
    let move_watch = db
        .supports_inline_reads()
        .then(|| rt::spawn(watch_for_move(db.clone())));
    let auth = build_auth(config, db, mailer, templates)?;
    let watchdog = Watchdog::new(Arc::clone(&manager), auth.clone(), remarks);
    let running = start(config, &auth, pages, listeners, manager, watchdog, restart)?;
    let cause = running.until_stopped().await?;
    if let Some(watch) = move_watch {
        watch.abort();
    }
    if cause.is_none() {
        flush(auth)?;
        log::info!("stopped");
    }
    Ok(cause)
}

/// Looks once a second whether the database was moved: a service without writes would not notice.
async fn watch_for_move(db: DB) {
    loop {
        rt::time::sleep(Duration::from_secs(1)).await;
        db.notice_move();
    }
}

/// Locks the database for this service, and opens it; or the one to which it was moved.
fn lock_and_open(config: &Config) -> Result<(Option<InstanceLock>, DB), OpenError> {
    let open = match config.database.migrate {
        Migrate::Auto => OpenMode::Migrate,
        Migrate::Check => OpenMode::Check,
    };
    let settings = db_settings(config, open);
    let url = &config.database.database_url;
    let lock = InstanceLock::acquire(url, open)?;
    match open_database(url, settings.clone()) {
        Err(OpenError::Moved { .. }) => {
            drop(lock);
            let target = db::moved_to(url)?;
            log::warn!(
                "{url} was moved to {target}, which is used: set DATABASE_URL to it, and \
                 --secret-key-file to the old file's key if there is one; then delete the old file"
            );
            Ok((None, open_database(&target, settings)?))
        }
        opened => Ok((lock, opened?)),
    }
}

fn build_auth(
    config: &Config,
    db: DB,
    mailer: Mailer,
    templates: Templates,
) -> Result<web::Data<Auth>, ServerError> {
    let auth = Auth::new(db, auth_settings(config))?.with_secret_keys(secret_keys(config));
    auth.check_secret_key()?;
    let auth = auth.with_mails(mailer, templates)?;
    Ok(web::Data::new(
        auth.with_monitor(MonitorSettings::default())?,
    ))
}

/// Starts the HTTP server, the ops listener, the watchdog, and the wait for a signal.
fn start(
    config: &Config,
    auth: &web::Data<Auth>,
    pages: Option<Pages>,
    listeners: Listeners,
    manager: Arc<ServiceManager>,
    watchdog: Watchdog,
    restart: impl Future<Output = RestartCause> + 'static,
) -> Result<Running, ServerError> {
    let Listeners {
        service: listener,
        address,
        is_inherited,
        ops,
    } = listeners;
    let http = HttpApp::new(auth.clone(), http_settings(config));
    let http = match pages {
        Some(pages) => http.with_pages(pages),
        None => http,
    };
    let ops = ops.map(|listener| OpsListener::start(&http, listener));
    let ops = ops.transpose()?;
    let signals = Signals::install()?;
    let liveness = watchdog.liveness();
    let connections = http.connections();
    timeouts::keep(Arc::clone(&connections));
    let own_listener = (!is_inherited).then(|| listener.try_clone()).transpose()?;
    let server = http_server::start(http, liveness, listener)?;
    let shutdown = Shutdown {
        server: server.handle(),
        connections,
        own_listener,
        manager,
        watchdog: ServiceManager::is_present().then(|| rt::spawn(watchdog.run())),
    };
    let shutdown = rt::spawn(shutdown.run(signals, restart));
    log_address(address, is_inherited);
    Ok(Running {
        server,
        shutdown,
        ops,
    })
}

fn log_address(address: SocketAddr, is_inherited: bool) {
    let how = if is_inherited {
        "by socket activation; --bind is not used"
    } else {
        "Press CTRL+C to quit"
    };
    log::info!("Running on http://{address}/ ({how})");
}

/// The running service.
struct Running {
    server: Server,
    shutdown: JoinHandle<Option<RestartCause>>,
    ops: Option<OpsListener>,
}

impl Running {
    /// Waits until the service has stopped. Returns why the database has to be opened again, if so.
    async fn until_stopped(self) -> Result<Option<RestartCause>, ServerError> {
        let cause = match select(pin!(self.server), self.shutdown).await {
            Either::Left((ended, shutdown)) => {
                ended?;
                shutdown.await
            }
            Either::Right((cause, _)) => cause,
        };
        let cause = cause.map_err(io::Error::other)?;
        if !matches!(cause, Some(RestartCause::CommitLost(_)))
            && let Some(ops) = self.ops
        {
            ops.stop().await;
        }
        Ok(cause)
    }
}
