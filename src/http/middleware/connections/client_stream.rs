//! A client's socket with a limit on the size of request heads.
//!
//! Actix itself buffers heads of up to 128 KiB and has no setting for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::registry::{Connection, Connections, ReadState};

const TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// An accepted connection. Its requests find the `Connection` in their connection data.
#[derive(Debug)]
pub struct ClientStream {
    socket: TcpStream,
    connection: Arc<Connection>,
}

impl ClientStream {
    /// Adds an accepted socket to the connections of the server.
    #[must_use]
    pub fn new(socket: TcpStream, connections: &Connections) -> Self {
        let connection = connections.add(&socket);
        Self { socket, connection }
    }

    /// Stores the connection in the connection data of its requests.
    pub fn attach(&self, data: &mut Extensions) {
        data.insert(Arc::clone(&self.connection));
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.connection.read_state() {
            ReadState::Free => {}
            ReadState::ParseFirst => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // On Linux, bytes that arrive after a shutdown can still be read.
            ReadState::Closed => return Poll::Ready(Ok(())),
            ReadState::Full => {
                // Nothing else was written yet. A client that does not read gets no response.
                let _written = this.socket.try_write(TOO_LARGE);
                let message = "the head of a request is larger than 32 KiB";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
            }
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.socket).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        this.connection.record_read(read);
        polled
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
