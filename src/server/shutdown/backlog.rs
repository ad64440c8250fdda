//! Connections still in the accept backlog at shutdown. They are answered 503, because closing
//! the listener would reset them.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use actix_web::rt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a client may take to send its request and read the response. Closing a connection
/// with unread bytes resets it, and the response may be lost.
const LINGER: Duration = Duration::from_millis(500);

const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Connection: close\r\n\
    Retry-After: 1\r\n\
    Cache-Control: no-store\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 61\r\n\
    \r\n\
    {\"message\":\"the service is stopping, please come back soon\"}\n";

/// Accepts the connections in the backlog and answers 503, without waiting for them.
pub(super) fn reject_backlog(listener: &TcpListener) {
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
