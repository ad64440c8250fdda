//! Open connections: their limits on idle time, age and requests, and their end at shutdown.

mod client_stream;
mod registry;

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};

pub use client_stream::ClientStream;
pub use registry::Connections;

use registry::Connection;

/// Records which connections have a request in flight, and sets `Connection: close` on the last
/// response of a connection.
pub(crate) async fn track_connections<B: MessageBody + 'static>(
    connections: web::Data<Connections>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let connection = request.request().conn_data::<Arc<Connection>>();
    let in_flight = connection.map(Connection::begin);
    let mut answer = next.call(request).await?;
    if let Some(in_flight) = in_flight {
        let connection = in_flight.connection();
        // The rest of the body is not read.
        if matches!(
            answer.status(),
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
        ) {
            connection.refuse_rest();
        }
        if connections.is_last(connection, Instant::now()) {
            let head = answer.response_mut().head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
    }
    Ok(answer)
}
