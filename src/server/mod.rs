//! Puts the rooms together and serves: database, use cases, HTTP, signals.

mod announcement;
mod error;
mod handed_over;
mod listener;
mod manager;
mod pulse;
mod signals;
mod watch;
mod wind_up;

use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix_web::{HttpServer, rt, web};
use futures_util::future::{Either, select};

pub use error::ServerError;

use crate::auth::{Auth, AuthSettings};
use crate::config::{Config, Migrate, Registration};
use crate::db::{DB, DbSettings, OpenError, OpenMode, ServerLock, SessionRules};
use crate::domain::Clock;
use crate::http::{Http, HttpSettings};
use announcement::announce;
use listener::listen;
use manager::Manager;
use pulse::Pulse;
use signals::Signals;
use watch::Watch;
use wind_up::wind_up;

/// How long requests that were read may take to be answered after the signal to stop.
const DRAIN_SECONDS: u64 = 25;

/// The same after the database lost a commit.
const DRAIN_AFTER_LOSS: Duration = Duration::from_secs(3);

/// How long requests on connections that were just taken may take to come, before the stop
/// closes what is idle. Nobody is taken meanwhile: who comes waits for the next process.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// Serves until a signal says to stop, and answers what was read by then. Blocks.
///
/// # Errors
/// [`ServerError`] if the service cannot start.
pub fn run(config: &Config) -> Result<(), ServerError> {
    // While there is one thread: it takes variables out of the environment.
    let handed_over = handed_over::inherited().map_err(ServerError::HandedOver)?;
    rt::System::new().block_on(serve(config, handed_over))
}

/// Opens the database that the settings name.
///
/// # Errors
/// [`OpenError`] with the way out.
pub fn open_database(config: &Config, open: OpenMode) -> Result<DB, OpenError> {
    let url = &config.database.database_url;
    let settings = DbSettings {
        readers: u32::try_from(workers().get() + 1).unwrap_or(u32::MAX),
        open,
        sessions: SessionRules {
            idle: config.sessions.session_idle,
            lifetime: config.sessions.session_lifetime,
            per_user: config.sessions.sessions_per_user,
        },
        clock: Clock::system(),
        ..DbSettings::default()
    };
    let (db, opened) = DB::open_and_tell(url, settings)?;
    log::info!("database {url}: {opened}");
    Ok(db)
}

async fn serve(config: &Config, handed_over: Option<TcpListener>) -> Result<(), ServerError> {
    announce(config);
    let manager = Arc::new(Manager::default());
    // Before the database is touched: what listens there already may be the service whose
    // file would be taken over.
    let stays = handed_over.is_some();
    let listener = if let Some(listener) = handed_over {
        listener
    } else {
        let address = config.bind();
        listen(address).map_err(|source| ServerError::Bind { address, source })?
    };
    manager.status("opening the database");
    let open = match config.database.migrate {
        Migrate::Auto => OpenMode::Migrate,
        Migrate::Check => OpenMode::Check,
    };
    let _lock = ServerLock::acquire(&config.database.database_url, open)?;
    let db = open_database(config, open)?;
    let must_restart = db.must_restart();
    let auth = web::Data::new(Auth::new(db, auth_settings(config))?);
    let settings = HttpSettings {
        https: config.is_https(),
    };
    let http = Http::new(auth.clone(), settings);
    let signals = Signals::install()?;
    let pulse = Pulse::default();
    let watch = Watch::new(Arc::clone(&manager), pulse.clone(), auth.clone());
    let server = HttpServer::new(move || {
        pulse.beat_here();
        http.app()
    })
    .workers(workers().get())
    .disable_signals()
    // Who has closed the connection waits for nothing: a login gives up its place.
    .h1_allow_half_closed(false)
    .shutdown_timeout(DRAIN_SECONDS)
    .listen(listener)?;
    let bound = server.addrs();
    let server = server.run();
    let handle = server.handle();
    let watching = Manager::listens().then(|| rt::spawn(watch.on()));
    let stopping = rt::spawn(async move {
        let cause = match select(pin!(signals.first()), pin!(must_restart)).await {
            Either::Left((name, _)) => {
                log::info!("{name}: answering what was read, then stopping");
                None
            }
            Either::Right((cause, _)) => {
                log::error!("the database lost a commit: answering what was read, then ending");
                Some(cause)
            }
        };
        if let Some(watching) = watching {
            watching.abort();
        }
        manager.stopping("answering what was read");
        if stays {
            handle.pause().await;
            rt::time::sleep(LAST_REQUESTS).await;
        }
        let stopped = handle.stop(true);
        if cause.is_none() {
            stopped.await;
        } else {
            // The sooner the next one starts the better; nothing can be written until then.
            let drained = rt::time::timeout(DRAIN_AFTER_LOSS, stopped).await;
            if drained.is_err() {
                log::warn!("not all requests were answered in {DRAIN_AFTER_LOSS:?}");
            }
        }
        cause
    });
    let how = if stays {
        "the socket that was handed over; --bind is not used"
    } else {
        "Press CTRL+C to quit"
    };
    for address in bound {
        log::info!("Running on http://{address}/ ({how})");
    }
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
    wind_up(auth)?;
    log::info!("stopped");
    Ok(())
}

fn auth_settings(config: &Config) -> AuthSettings {
    let passwords = &config.passwords;
    AuthSettings {
        bcrypt_cost: passwords.bcrypt_cost,
        password_min_length: config.password_min_length(),
        registration_open: config.accounts.registration != Registration::Closed,
        hash_threads: passwords.hash_threads.unwrap_or_else(workers),
        hash_queue: passwords.hash_queue.get(),
        hash_deadline: passwords.hash_deadline,
    }
}

/// One for each core.
fn workers() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
