//! The service on one database, from its start to its end. After a move, the service on the new
//! database accepts connections before the one on the old database has ended.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use actix_web::{rt, web};
use futures_util::future::{Either, select};

use super::ServerError;
use super::http_server;
use super::listener::Listeners;
use super::ops_listener::OpsListener;
use super::shutdown::{self, Shutdown, flush};
use super::signals::Signals;
use super::start_warnings::warn_of_exposure;
use super::timeouts;
use super::watchdog::{ServiceManager, Watchdog};
use super::wiring::{
    auth_settings, http_settings, mail_settings, mailer, page_settings, secret_keys,
    shown_in_development,
};
use crate::auth::{Auth, MonitorSettings};
use crate::config::Config;
use crate::db::{DB, InstanceLock, RestartCause};
use crate::http::{Connections, HttpApp, Pages};
use crate::mail::{Mailer, Templates};

/// What stays when the service changes to another database.
pub(super) struct Environment<'a> {
    config: &'a Config,
    listeners: Listeners,
    signals: Signals,
    manager: Arc<ServiceManager>,
    /// What was found wrong at the start, for the status line.
    remarks: Vec<String>,
}

impl<'a> Environment<'a> {
    /// Opens the sockets, and installs the handlers of signals.
    pub(super) fn open(
        config: &'a Config,
        inherited: Option<TcpListener>,
        remarks: Vec<String>,
    ) -> Result<Self, ServerError> {
        let listeners = Listeners::open(config, inherited)?;
        warn_of_exposure(config, listeners.address);
        Ok(Self {
            config,
            listeners,
            signals: Signals::install()?,
            manager: Arc::default(),
            remarks,
        })
    }
}

/// The parts that need no database. An error in them is found before the database is changed.
pub(super) struct Parts {
    mailer: Mailer,
    templates: Templates,
    pages: Option<Pages>,
}

impl Parts {
    pub(super) fn new(environment: &Environment<'_>) -> Result<Self, ServerError> {
        let config = environment.config;
        let parts = Self {
            mailer: shown_in_development(config, mailer(config)?),
            templates: Templates::new(mail_settings(config, environment.listeners.address))?,
            pages: page_settings(config).map(Pages::new).transpose()?,
        };
        environment.manager.status("opening the database");
        Ok(parts)
    }
}

/// The running service.
pub(super) struct Service {
    db: DB,
    lock: Option<InstanceLock>,
    auth: web::Data<Auth>,
    server: JoinHandle<io::Result<()>>,
    handle: ServerHandle,
    connections: Arc<Connections>,
    shutdown: JoinHandle<Option<RestartCause>>,
    ops: Option<OpsListener>,
    move_watch: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts the HTTP server, the ops listener, the watchdog, and the wait for a signal.
    pub(super) fn start(
        environment: &Environment<'_>,
        (lock, db): (Option<InstanceLock>, DB),
        parts: Parts,
    ) -> Result<Self, ServerError> {
        let config = environment.config;
        let restart = db.restart_needed();
        let auth = build_auth(config, db.clone(), parts.mailer, parts.templates)?;
        let manager = Arc::clone(&environment.manager);
        let remarks = environment.remarks.clone();
        let watchdog = Watchdog::new(Arc::clone(&manager), auth.clone(), remarks);
        let Listeners {
            service: listener,
            address,
            is_inherited,
            ops,
        } = environment.listeners.try_clone()?;
        let http = HttpApp::new(auth.clone(), http_settings(config));
        let http = match parts.pages {
            Some(pages) => http.with_pages(pages),
            None => http,
        };
        let ops = ops.map(|listener| OpsListener::start(&http, listener));
        let ops = ops.transpose()?;
        let liveness = watchdog.liveness();
        let connections = http.connections();
        timeouts::keep(&connections);
        let own_listener = (!is_inherited).then(|| listener.try_clone()).transpose()?;
        let server = http_server::start(http, liveness, listener)?;
        let handle = server.handle();
        let shutdown = Shutdown {
            server: handle.clone(),
            connections: Arc::clone(&connections),
            own_listener,
            manager,
            watchdog: ServiceManager::is_present().then(|| rt::spawn(watchdog.run())),
        };
        let shutdown = rt::spawn(shutdown.run(environment.signals.clone(), restart));
        log_address(address, is_inherited);
        let is_movable = db.supports_inline_reads();
        Ok(Self {
            move_watch: is_movable.then(|| rt::spawn(watch_for_move(db.clone()))),
            db,
            lock,
            auth,
            server: rt::spawn(server),
            handle,
            connections,
            shutdown,
            ops,
        })
    }

    /// Waits until the service has stopped. Returns why the database has to be opened again, if so.
    /// After a move, requests that were read are still answered.
    pub(super) async fn until_stopped(&mut self) -> Result<Option<RestartCause>, ServerError> {
        let cause = match select(&mut self.server, &mut self.shutdown).await {
            Either::Left((ended, shutdown)) => {
                ended.map_err(io::Error::other)??;
                shutdown.await
            }
            Either::Right((cause, _)) => cause,
        };
        let cause = cause.map_err(io::Error::other)?;
        if let Some(watch) = self.move_watch.take() {
            watch.abort();
        }
        if cause.is_none()
            && let Some(ops) = self.ops.take()
        {
            ops.stop().await;
        }
        Ok(cause)
    }

    /// Releases the lock of a database that was moved: it refuses every change.
    pub(super) fn release_lock(&mut self) {
        self.lock = None;
    }

    /// Ends the service on a database that was moved, beside the next one.
    pub(super) fn retire(self) -> JoinHandle<()> {
        // The next one changes the new database from now on.
        self.db.refuse_reads();
        rt::spawn(async move {
            shutdown::retire(&self.handle, &self.connections).await;
            if let Some(ops) = self.ops {
                ops.stop().await;
            }
            // A background thread may be sending a mail.
            let ended = thread::Builder::new()
                .name("retire".into())
                .spawn(move || drop((self.auth, self.db)));
            if let Err(error) = ended {
                log::debug!("the former database stays open for a moment: {error}");
            }
        })
    }

    /// Writes what is buffered, after the service has stopped. Blocks for at most 4 seconds.
    pub(super) fn flush(self) -> io::Result<()> {
        drop(self.db);
        flush(self.auth)
    }
}

/// Looks once a second whether the database was moved: a service without writes would not notice.
async fn watch_for_move(db: DB) {
    loop {
        rt::time::sleep(Duration::from_secs(1)).await;
        db.notice_move();
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

fn log_address(address: SocketAddr, is_inherited: bool) {
    let how = if is_inherited {
        "by socket activation; --bind is not used"
    } else {
        "Press CTRL+C to quit"
    };
    log::info!("Running on http://{address}/ ({how})");
}
