//! Puts the rooms together and serves: database, use cases, HTTP, signals.

mod announcement;
mod deadlines;
mod draining;
mod error;
mod limits;
mod listener;
mod operator;
mod signals;
mod turned_away;
mod wind_up;

use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::thread;
use std::time::Duration;

use actix_web::{HttpServer, rt, web};
use futures_util::future::{Either, select};

pub use error::ServerError;

use crate::auth::{Auth, AuthSettings, ContextWords, ThrottleSettings};
use crate::config::{Config, Migrate, Origins, PublicUrl, Registration, Switch};
use crate::db::{DB, DbSettings, OpenError, OpenMode, ServerLock, SessionRules};
use crate::domain::{Backoff, Clock};
use crate::http::{Http, HttpSettings};
use announcement::announce;
use limits::connections_per_worker;
use listener::listen;
use operator::Operator;
use signals::Signals;
use wind_up::wind_up;

/// How long requests that were read may take to be answered after the signal to stop.
const DRAIN_SECONDS: u64 = 25;

/// The same after the database lost a commit.
const DRAIN_AFTER_LOSS: Duration = Duration::from_secs(3);

/// Serves until a signal says to stop, and answers what was read by then. Blocks.
///
/// # Errors
/// [`ServerError`] if the service cannot start.
pub fn run(config: &Config) -> Result<(), ServerError> {
    rt::System::new().block_on(serve(config))
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

async fn serve(config: &Config) -> Result<(), ServerError> {
    announce(config);
    // Before the database is touched: what listens there already may be the service whose
    // file would be taken over.
    let listener = listen("--bind", config.bind())?;
    let operator_bind = config.listening.operator_bind;
    let for_operator = operator_bind.map(|address| listen("--operator-bind", address));
    let for_operator = for_operator.transpose()?;
    let open = match config.database.migrate {
        Migrate::Auto => OpenMode::Migrate,
        Migrate::Check => OpenMode::Check,
    };
    let _lock = ServerLock::acquire(&config.database.database_url, open)?;
    let db = open_database(config, open)?;
    let must_restart = db.must_restart();
    let auth = web::Data::new(Auth::new(db, auth_settings(config))?);
    let http = Http::new(auth.clone(), http_settings(config));
    let operator = for_operator.map(|listener| Operator::start(&http, listener));
    let operator = operator.transpose()?;
    let signals = Signals::install()?;
    deadlines::keep(http.connections());
    let (entering, connections) = (http.connections(), http.connections());
    let own_listener = listener.try_clone()?;
    let server = HttpServer::new(move || http.app())
        .workers(workers().get())
        .max_connections(connections_per_worker(workers()))
        .client_request_timeout(deadlines::HEAD)
        .client_disconnect_timeout(deadlines::DISCONNECT)
        .keep_alive(deadlines::KEEP_ALIVE)
        .on_connect(move |socket, data| entering.enter(socket, data))
        .disable_signals()
        // Who has closed the connection waits for nothing: a login gives up its place.
        .h1_allow_half_closed(false)
        .shutdown_timeout(DRAIN_SECONDS)
        .listen(listener)?;
    let bound = server.addrs();
    let server = server.run();
    let handle = server.handle();
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
        draining::drain(&handle, &connections, Some(own_listener)).await;
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
    for address in bound {
        log::info!("Running on http://{address}/ (Press CTRL+C to quit)");
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
    if let Some(operator) = operator {
        operator.stop().await;
    }
    wind_up(auth)?;
    log::info!("stopped");
    Ok(())
}

fn http_settings(config: &Config) -> HttpSettings {
    let listening = &config.listening;
    let public_url = listening.public_url.as_ref();
    let allowed_origins = listening.allowed_origins.as_ref();
    HttpSettings {
        https: config.is_https(),
        trusted_proxies: config.trusted_proxies(),
        public_origin: public_url.map(|url| url.origin().clone()),
        allowed_origins: allowed_origins.map(Origins::to_vec).unwrap_or_default(),
    }
}

fn auth_settings(config: &Config) -> AuthSettings {
    let passwords = &config.passwords;
    let public_url = config.listening.public_url.as_ref();
    AuthSettings {
        bcrypt_cost: passwords.bcrypt_cost,
        password_min_length: config.password_min_length(),
        context_words: ContextWords::new(
            [env!("CARGO_PKG_NAME")]
                .into_iter()
                .chain(public_url.map(PublicUrl::host)),
        ),
        registration_open: config.accounts.registration != Registration::Closed,
        hash_threads: passwords.hash_threads.unwrap_or_else(workers),
        hash_queue: passwords.hash_queue.get(),
        hash_deadline: passwords.hash_deadline,
        throttle: throttle_settings(config),
    }
}

/// How guessing is slowed down.
#[must_use]
pub fn throttle_settings(config: &Config) -> ThrottleSettings {
    let throttling = &config.throttling;
    let backoff = |free: NonZeroU32, first_wait, longest_wait| Backoff {
        free: free.get(),
        first_wait,
        longest_wait,
        limit: throttling.throttle_account_limit.get(),
        memory: throttling.throttle_memory,
    };
    let known_wait = throttling.throttle_known_wait;
    ThrottleSettings {
        on: throttling.throttle == Switch::On,
        known: backoff(throttling.throttle_known_free, known_wait, known_wait),
        account: backoff(
            throttling.throttle_account_free,
            Duration::from_secs(1),
            throttling.throttle_account_wait,
        ),
        address: throttling.throttle_address,
        subnet: throttling.throttle_subnet,
        registration: throttling.throttle_registration,
        device_memory: throttling.throttle_device_memory,
        network_memory: throttling.throttle_network_memory,
        rows: throttling.throttle_rows.get(),
    }
}

/// One for each core.
fn workers() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
