//! Puts the rooms together and serves: database, use cases, HTTP, signals.

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
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{rt, web};
use futures_util::future::{Either, select};

pub use error::ServerError;
pub use wiring::{auth_settings, mail_settings, mailer, service_url, throttle_settings};

use crate::auth::{Auth, MonitorSettings};
use crate::config::{Config, Migrate};
use crate::db::{
    DB, DbSettings, IntegrityReport, OpenError, OpenMode, ServerLock, check_integrity,
};
use crate::http::{Http, Pages};
use crate::mail::Templates;
use listener::listen;
use ops_listener::Operator;
use shutdown::{Stop, flush};
use signals::Signals;
use start_warnings::{warn_of_exposure, warn_of_missing_settings, warn_of_users_left_behind};
use startup_log::announce;
use watchdog::{Manager, Watchdog, WorkerLiveness};
use wiring::{db_settings, http_settings, page_settings};

/// Serves until a signal says to stop, and answers what was read by then. Blocks.
///
/// # Errors
/// [`ServerError`] if the service cannot start.
pub fn run(config: &Config) -> Result<(), ServerError> {
    // While there is one thread: it takes variables out of the environment.
    let handed_over = socket_activation::inherited().map_err(ServerError::HandedOver)?;
    rt::System::new().block_on(serve(config, handed_over))
}

/// How long a command waits for a database server that is away.
const COMMAND_WAIT: Duration = Duration::from_secs(5);

/// Opens the database that the settings name, for a command.
///
/// # Errors
/// [`OpenError`] with the way out.
pub fn open_for_command(config: &Config, open: OpenMode) -> Result<DB, OpenError> {
    let settings = DbSettings {
        server_wait: COMMAND_WAIT,
        ..db_settings(config, open)
    };
    open_database(config, settings)
}

fn open_database(config: &Config, settings: DbSettings) -> Result<DB, OpenError> {
    let url = &config.database.database_url;
    let (db, opened) = DB::open_and_tell(url, settings)?;
    log::info!("database {url}: {opened}");
    if let Some(warning) = opened.warning() {
        log::warn!("database {url}: {warning}");
    }
    Ok(db)
}

/// Checks the database that the settings name, beside a service that runs on it.
///
/// # Errors
/// [`OpenError`] if the database cannot be opened.
pub fn check_database(config: &Config) -> Result<IntegrityReport, OpenError> {
    let settings = db_settings(config, OpenMode::Check);
    check_integrity(&config.database.database_url, &settings)
}

async fn serve(config: &Config, handed_over: Option<TcpListener>) -> Result<(), ServerError> {
    announce(config);
    warn_of_missing_settings(config);
    let manager = Arc::new(Manager::default());
    // Before the database is touched: what listens there already may be the service whose
    // file would be taken over.
    let stays = handed_over.is_some();
    let listener = match handed_over {
        Some(listener) => listener,
        None => listen("--bind", config.bind())?,
    };
    warn_of_exposure(config, listener.local_addr()?);
    let operator_bind = config.listening.operator_bind;
    let for_operator = operator_bind.map(|address| listen("--operator-bind", address));
    let for_operator = for_operator.transpose()?;
    let mailer = mailer(config)?;
    let templates = Templates::new(mail_settings(config, listener.local_addr()?))?;
    let pages = page_settings(config).map(Pages::new).transpose()?;
    manager.status("opening the database");
    let open = match config.database.migrate {
        Migrate::Auto => OpenMode::Migrate,
        Migrate::Check => OpenMode::Check,
    };
    let _lock = ServerLock::acquire(&config.database.database_url, open)?;
    let db = open_database(config, db_settings(config, open))?;
    warn_of_users_left_behind(&config.database.database_url, &db);
    let must_restart = db.must_restart();
    let auth = Auth::new(db, auth_settings(config))?;
    let auth = auth.with_mails(mailer, templates)?;
    let auth = web::Data::new(auth.with_monitor(MonitorSettings::default())?);
    let http = Http::new(auth.clone(), http_settings(config));
    let http = match pages {
        Some(pages) => http.with_pages(pages),
        None => http,
    };
    let operator = for_operator.map(|listener| Operator::start(&http, listener));
    let operator = operator.transpose()?;
    let signals = Signals::install()?;
    let pulse = WorkerLiveness::default();
    let watch = Watchdog::new(Arc::clone(&manager), pulse.clone(), auth.clone());
    timeouts::keep(http.connections());
    let connections = http.connections();
    let own_listener = if stays {
        None
    } else {
        Some(listener.try_clone()?)
    };
    let bound = listener.local_addr()?;
    let server = http_server::start(http, pulse, listener)?;
    let stop = Stop {
        server: server.handle(),
        connections,
        own_listener,
        manager,
        watching: Manager::listens().then(|| rt::spawn(watch.on())),
    };
    let stopping = rt::spawn(stop.when(signals, must_restart));
    let how = if stays {
        "the socket that was handed over; --bind is not used"
    } else {
        "Press CTRL+C to quit"
    };
    log::info!("Running on http://{bound}/ ({how})");
    let cause = match select(pin!(server), stopping).await {
        Either::Left((ended, stopping)) => {
            ended?;
            stopping.await
        }
        Either::Right((cause, _)) => cause,
    };
    if let Some(cause) = cause.map_err(io::Error::other)? {
        return Err(ServerError::CommitLost { cause });
    }
    if let Some(operator) = operator {
        operator.stop().await;
    }
    flush(auth)?;
    log::info!("stopped");
    Ok(())
}
