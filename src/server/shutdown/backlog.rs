//! Connections still in the accept backlog at shutdown. They are answered 503, because closing
//! the listener would reset them.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use actix_web::rt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a client may take to send its request and read the response. Closing a connection
/// with unread bytes resets it, and the response may be lost.
const LINGER: Duration = Duration::from_millis(500);

/// How often the service tries to be the last one in the backlog.
const TRIES: u32 = 20;

/// How long such a try takes at most. A free backlog accepts it at once.
const TRY: Duration = Duration::from_millis(5);

const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Connection: close\r\n\
    Retry-After: 1\r\n\
    Cache-Control: no-store\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 61\r\n\
    \r\n\
    {\"message\":\"the service is stopping, please come back soon\"}\n";

/// Answers 503 to the connections in the backlog and stops listening.
///
/// A client that connects after the last look into the backlog would be reset. So the backlog is
/// shortened to one connection, and the service takes that place itself.
pub(super) fn close_backlog(listener: TcpListener) {
    if let Err(error) = rustix::net::listen(&listener, 0) {
        log::debug!("the backlog keeps its length: {error}");
    }
    let mut own = None;
    for _ in 0..TRIES {
        reject_backlog(&listener);
        // An error means that a client was quicker.
        let address = listener.local_addr();
        own = address
            .and_then(|address| TcpStream::connect_timeout(&address, TRY))
            .ok();
        if own.is_some() {
            break;
        }
    }
    refuse(listener);
    drop(own);
}

/// Stops listening. On Linux, a shutdown of the socket does that even if other descriptors of it
/// are open.
fn refuse(listener: TcpListener) {
    let socket = TcpStream::from(OwnedFd::from(listener));
    if let Err(error) = socket.shutdown(Shutdown::Both) {
        log::debug!("the listener stays open until the end: {error}");
    }
}

/// Accepts the connections in the backlog and answers 503, without waiting for them.
fn reject_backlog(listener: &TcpListener) {
    // An error means that the backlog is empty, or that no connection can be accepted.
    while let Ok((client, _)) = listener.accept() {
        rt::spawn(async move {
            let answered = rt::time::timeout(LINGER, answer(client)).await;
            if let Ok(Err(error)) = answered {
                log::debug!("a client in the backlog did not read its 503: {error}");
            }
        });
    }
}

async fn answer(client: TcpStream) -> io::Result<()> {
    client.set_nonblocking(true)?;
    let mut client = rt::net::TcpStream::from_std(client)?;
    client.write_all(ANSWER).await?;
    client.shutdown().await?;
    let mut unread = [0; 1024];
    while client.read(&mut unread).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ANSWER;

    #[test]
    fn the_content_length_is_correct() {
        let answer = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let length = format!("Content-Length: {}", body.len());
        assert!(head.lines().any(|line| line == length), "{length}");
        assert!(head.lines().all(|line| !line.starts_with(' ')), "{head}");
    }
}
