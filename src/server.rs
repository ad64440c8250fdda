//! Puts the rooms together and serves: database, use cases, HTTP, signals.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::pin;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::{HttpServer, rt, web};
use futures_util::future::{Either, select};
use tokio::net::TcpSocket;

use crate::auth::{Auth, AuthSettings, ThrottleSettings};
use crate::config::{Config, Migrate, Registration, Switch};
use crate::db::{DB, DbSettings, OpenError, OpenMode, ServerLock, SessionRules};
use crate::domain::{Backoff, Clock};
use crate::http::{Http, HttpSettings};

/// How long requests that were read may take to be answered after the signal to stop.
const DRAIN_SECONDS: u64 = 25;

/// How long the last writes may take after that. A database that hangs must not keep the
/// process: what is lost is a minute of last uses.
const WIND_UP: Duration = Duration::from_secs(4);

/// The same after the database lost a commit.
const DRAIN_AFTER_LOSS: Duration = Duration::from_secs(3);

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address.
    #[error("cannot listen on {address}: {source}; {}", bind_advice(source))]
    Bind {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The disk lost a commit.
    #[error(
        "the database could not be written through to the disk: {cause}; what was answered is \
         there, and the program ends so that it is started anew and reads what the disk holds; \
         look into the system's log for the disk"
    )]
    CommitLost {
        /// What SQLite says.
        cause: String,
    },
    /// Threads, signals, sockets.
    #[error("the system refuses what the service needs: {0}")]
    System(#[from] io::Error),
}

impl ServerError {
    /// Whether starting again is of no use until somebody has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Open(error) => error.is_permanent(),
            Self::Bind { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::AddrNotAvailable
            ),
            Self::CommitLost { .. } | Self::System(_) => false,
        }
    }
}

fn bind_advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse {
        "stop what listens there, or choose another --bind"
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "ports under 1024 need a privilege; choose another --bind"
    } else {
        "choose another --bind"
    }
}

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
    let address = config.bind();
    let listener = listen(address).map_err(|source| ServerError::Bind { address, source })?;
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
    let server = HttpServer::new(move || http.app())
        .workers(workers().get())
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
    wind_up(auth)?;
    log::info!("stopped");
    Ok(())
}

/// As many connections may wait as Actix itself lets wait.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: u32 = 2048;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Does the last writes on a thread, which is left behind if the database hangs.
fn wind_up(auth: web::Data<Auth>) -> io::Result<()> {
    let (running, finished) = mpsc::channel::<()>();
    thread::Builder::new()
        .name("wind-up".into())
        .spawn(move || {
            auth.wind_up();
            drop(auth);
            drop(running);
        })?;
    if let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(WIND_UP) {
        log::warn!("the database has no answer; the last uses of sessions are not written down");
    }
    Ok(())
}

fn announce(config: &Config) {
    match &config.listening.public_url {
        None => log::warn!(
            "trying, not serving: without --public-url cookies go over plain http and \
             passwords may be as short as {}",
            config.password_min_length()
        ),
        Some(url) => log::info!("serving {url}"),
    }
    if config.throttling.throttle == Switch::Off {
        log::warn!("guessing of passwords is not slowed down: --throttle is off");
    }
    let idle = config.without_effect();
    if !idle.is_empty() {
        log::warn!(
            "checked, and without effect in this version: {}",
            idle.join(", ")
        );
    }
    if config.is_https() {
        log::warn!(
            "this version does not check where a request comes from; the proxy in front has to"
        );
    }
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

/// The two signals that mean stop. Once installed they stay so: a second one while the
/// first is being obeyed changes nothing.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn first(mut self) -> &'static str {
        let terminate = pin!(self.terminate.recv());
        let interrupt = pin!(self.interrupt.recv());
        match select(terminate, interrupt).await {
            Either::Left(_) => "SIGTERM",
            Either::Right(_) => "SIGINT",
        }
    }
}
