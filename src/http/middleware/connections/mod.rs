//! Open connections: how long one may be idle, how long it is used, and the end of all of them.

mod client_stream;
mod registry;

use std::sync::Arc;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::{Next, from_fn};

pub use client_stream::ClientStream;
pub use registry::Connections;

use registry::{Connection, InFlight};

/// Notes which connections have a request in flight, and tells the client which answer is
/// the last one of its connection.
pub(crate) fn last_answers<S, B>(
    connections: Arc<Connections>,
) -> impl Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error, InitError = ()>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    from_fn(move |request: ServiceRequest, next: Next<B>| {
        let connections = Arc::clone(&connections);
        let in_flight = request
            .request()
            .conn_data::<Arc<Connection>>()
            .map(Connection::begin);
        async move {
            let mut answer = next.call(request).await?;
            let is_last = |request: InFlight| {
                // The rest of such a body is not read.
                if matches!(
                    answer.status(),
                    StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
                ) {
                    request.connection().refuse_rest();
                }
                connections.is_last(request.connection(), Instant::now())
            };
            if in_flight.is_some_and(is_last) {
                let head = answer.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
            }
            Ok(answer)
        }
    })
}
