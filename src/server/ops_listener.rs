//! The ops listener: metrics, and health with details.

use std::io;
use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::{HttpServer, rt};

use crate::http::HttpApp;

/// The ops listener, on a thread of its own.
pub(super) struct OpsListener {
    handle: ServerHandle,
    running: rt::task::JoinHandle<io::Result<()>>,
}

impl OpsListener {
    pub(super) fn start(http: &HttpApp, listener: TcpListener) -> io::Result<Self> {
        let http = http.clone();
        let server = HttpServer::new(move || http.ops_app())
            .workers(1)
            .disable_signals()
            .listen(listener)?;
        for address in server.addrs() {
            log::info!("ops listener: metrics on http://{address}/metrics");
        }
        let server = server.run();
        Ok(Self {
            handle: server.handle(),
            running: rt::spawn(server),
        })
    }

    /// Stops at once. It is stopped after the service, so that the last requests can be observed.
    pub(super) async fn stop(self) {
        self.handle.stop(false).await;
        if let Ok(Err(error)) = self.running.await {
            log::warn!("the ops listener failed: {error}");
        }
    }
}
