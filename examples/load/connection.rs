//! A minimal HTTP/1.1 client on one keep-alive connection.
//!
//! It parses only what this service sends, because the clients share the cores with the server.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    closes: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            address,
            stream: Some(connect(address).await?),
            read: Vec::with_capacity(1024),
        })
    }

    /// Sends a request and reads its answer. Reconnects if the last connection was closed or
    /// failed.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) if is_usable(&stream) => stream,
            _ => connect(self.address).await?,
        };
        self.read.clear();
        stream.write_all(request).await?;
        let answer = loop {
            if stream.read_buf(&mut self.read).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(answer) = Answer::parse(&self.read)? {
                break answer;
            }
        };
        if !answer.closes {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether there is nothing to read: neither an end of the stream nor an unexpected answer.
fn is_usable(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0]);
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

impl Answer {
    /// Parses an answer; none while it is incomplete.
    fn parse(read: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let (head, body) = read.split_at(end + 4);
        let head = str::from_utf8(head).or(Err(invalid("headers are not UTF-8")))?;
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| invalid("status is missing"))?;
        let length: usize = header(head, "content-length")
            .and_then(|length| length.parse().ok())
            .ok_or_else(|| invalid("Content-Length is missing"))?;
        if body.len() < length {
            return Ok(None);
        }
        if body.len() > length {
            return Err(invalid("more than one answer"));
        }
        Ok(Some(Self {
            status,
            retry_after: header(head, "retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
            body: body.to_vec(),
            closes: header(head, "connection").is_some_and(|value| value == "close"),
        }))
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
