//! The HTTP server: workers that accept connections and run the application on them.
//!
//! It works as [`actix_web::HttpServer`], with [`ClientStream`] instead of the plain socket.

use std::future::ready;
use std::io;
use std::net::TcpListener;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;

use super::connection_limit::connections_per_worker;
use super::shutdown::DRAIN_SECONDS;
use super::timeouts;
use super::watchdog::WorkerLiveness;
use super::wiring::workers;
use crate::http::{ClientStream, HttpApp};

/// Starts the workers, which then accept connections.
pub(super) fn start(
    http: HttpApp,
    liveness: WorkerLiveness,
    listener: TcpListener,
) -> io::Result<Server> {
    let builder = Server::build()
        .workers(workers().get())
        .max_concurrent_connections(connections_per_worker(workers()))
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals();
    let stop = builder.graceful_shutdown_signal();
    let builder = builder.listen("bienvenue", listener, move || {
        liveness.register_worker();
        let stop = stop.clone();
        let app = http.app().into_factory();
        let app = map_config(app, |()| AppConfig::default());
        let service = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stop = stop.clone();
                async move { stop.notified().await }
            })
            .keep_alive(timeouts::KEEP_ALIVE)
            .client_request_timeout(timeouts::HEAD)
            .client_disconnect_timeout(timeouts::DISCONNECT)
            // The login of a client that closes its connection is cancelled.
            .h1_allow_half_closed(false)
            .on_connect_ext(|stream: &ClientStream, data| stream.attach(data))
            .h1(app);
        let connections = http.connections();
        fn_service(move |socket: TcpStream| {
            let peer = socket.peer_addr().ok();
            let stream = ClientStream::new(socket, &connections);
            ready(Ok::<_, DispatchError>((stream, peer)))
        })
        .and_then(service)
    })?;
    Ok(builder.run())
}
