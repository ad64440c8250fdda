//! The registry of open connections, with their limits on idle time, age and requests.
//!
//! Actix has a deadline only for the first head of a connection. And at shutdown it closes
//! connections that are between two requests at that moment.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The largest number of requests and the largest age of a connection. Then the client opens a new
/// one, which a load balancer may send to another instance.
const REQUESTS_MAX: u32 = 1000;
const AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// The longest head of a request, in bytes.
const HEAD_MAX: usize = 32 * 1024;

/// How long a client may take to read the response after its body was refused.
const REFUSED_LINGER: Duration = Duration::from_millis(500);

/// All connections of the server. It keeps a second descriptor of each socket, so that each
/// connection takes two.
#[derive(Debug, Default)]
pub struct Connections {
    open: Mutex<Vec<Weak<Connection>>>,
    draining: AtomicBool,
}

impl Connections {
    /// Adds an accepted connection.
    pub(crate) fn add(&self, socket: &impl AsFd) -> Arc<Connection> {
        let copy = socket.as_fd().try_clone_to_owned().ok();
        let connection = Arc::new(Connection::new(copy.map(TcpStream::from)));
        locked(&self.open).push(Arc::downgrade(&connection));
        connection
    }

    /// Makes every response from now on the last one of its connection.
    pub fn start_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Closes connections without a request in flight for longer than this, also if a head is
    /// arriving slowly, and those of refused bodies. Returns how many connections without a request
    /// in flight are left.
    pub fn close_idle(&self, longer_than: Duration) -> usize {
        let mut open = locked(&self.open);
        open.retain(|connection| connection.strong_count() > 0);
        let living = open.iter().filter_map(Weak::upgrade);
        living
            .filter_map(|connection| {
                let (idle, refused) = connection.idle_for()?;
                let limit = if refused { REFUSED_LINGER } else { longer_than };
                let closed = idle > limit.min(longer_than) && connection.close();
                (!closed).then_some(())
            })
            .count()
    }

    /// Whether the next response of a connection has to be its last one.
    pub(crate) fn is_last(&self, connection: &Connection, now: Instant) -> bool {
        self.draining.load(Ordering::Relaxed) || connection.is_expired(now)
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// None if no descriptor was left. Then the connection serves one request.
    socket: Option<TcpStream>,
    opened: Instant,
    usage: Mutex<Usage>,
}

#[derive(Debug)]
struct Usage {
    in_flight: u32,
    requests: u32,
    last_done: Instant,
    /// Bytes read since the last request ended, in which no request was found yet.
    unparsed: usize,
    /// Whether the parser has run since the last read.
    parsed: bool,
    /// Whether the following bytes are the rest of a refused body.
    refused: bool,
    closed: bool,
}

/// Whether more may be read from a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadState {
    Free,
    /// The bytes read so far may contain a request: the parser has to run first.
    ParseFirst,
    /// The bytes read so far are a head that is too long.
    Full,
    /// The connection was shut down.
    Closed,
}

impl Connection {
    fn new(socket: Option<TcpStream>) -> Self {
        let opened = Instant::now();
        Self {
            socket,
            opened,
            usage: Mutex::new(Usage {
                in_flight: 0,
                requests: 0,
                last_done: opened,
                unparsed: 0,
                parsed: false,
                refused: false,
                closed: false,
            }),
        }
    }

    /// Notes that a request was read. It is in flight until the returned value is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        let mut usage = locked(&self.usage);
        usage.in_flight += 1;
        usage.requests = usage.requests.saturating_add(1);
        usage.refused = false;
        InFlight(Arc::clone(self))
    }

    /// Notes that the rest of a request's body was refused.
    pub(crate) fn refuse_rest(&self) {
        locked(&self.usage).refused = true;
    }

    /// Whether more may be read. If the first head is too long, the connection ends. After a
    /// response, the bytes may be the rest of that request's body, and the client gets some time
    /// to read the response.
    pub(crate) fn read_state(&self) -> ReadState {
        let mut usage = locked(&self.usage);
        if usage.closed {
            ReadState::Closed
        } else if usage.in_flight > 0 || usage.refused || usage.unparsed < HEAD_MAX {
            ReadState::Free
        } else if !usage.parsed {
            usage.parsed = true;
            ReadState::ParseFirst
        } else if usage.requests == 0 {
            ReadState::Full
        } else {
            usage.refused = true;
            ReadState::Free
        }
    }

    pub(crate) fn record_read(&self, bytes: usize) {
        let mut usage = locked(&self.usage);
        if usage.in_flight == 0 {
            usage.unparsed = usage.unparsed.saturating_add(bytes);
            usage.parsed = false;
        }
    }

    /// For how long no request has been in flight, and whether the last body was refused.
    fn idle_for(&self) -> Option<(Duration, bool)> {
        let usage = locked(&self.usage);
        (usage.in_flight == 0).then(|| (usage.last_done.elapsed(), usage.refused))
    }

    fn is_expired(&self, now: Instant) -> bool {
        let requests = locked(&self.usage).requests;
        let age = now.saturating_duration_since(self.opened);
        self.socket.is_none() || requests >= REQUESTS_MAX || age >= AGE_MAX
    }

    fn close(&self) -> bool {
        locked(&self.usage).closed = self.socket.is_some();
        // An error means that the client has closed it already.
        let end = |socket: &TcpStream| socket.shutdown(Shutdown::Both).ok();
        self.socket.as_ref().map(end).is_some()
    }
}

/// A request that was read and not answered yet.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Connection>);

impl InFlight {
    pub(crate) fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut usage = locked(&self.0.usage);
        usage.in_flight = usage.in_flight.saturating_sub(1);
        usage.last_done = Instant::now();
        usage.unparsed = 0;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    fn connected() -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Connection::new(Some(socket))
    }

    #[test]
    fn r80_a_connection_ends_after_five_minutes() {
        let (connections, connection) = (Connections::default(), connected());
        let at = |seconds| connection.opened + Duration::from_secs(seconds);
        assert!(!connections.is_last(&connection, at(299)));
        assert!(connections.is_last(&connection, at(300)));
    }

    #[test]
    fn a_connection_without_a_second_descriptor_serves_one_request() {
        let connection = Connection::new(None);
        let now = connection.opened;
        assert!(Connections::default().is_last(&connection, now));
    }

    #[test]
    fn at_shutdown_every_response_is_a_connections_last() {
        let (connections, connection) = (Connections::default(), connected());
        assert!(!connections.is_last(&connection, connection.opened));
        connections.start_drain();
        assert!(connections.is_last(&connection, connection.opened));
    }

    #[test]
    fn only_connections_without_a_request_are_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            client.set_nonblocking(true).unwrap();
            let (server, _) = listener.accept().unwrap();
            (client, Arc::new(Connection::new(Some(server))))
        };
        let ((mut idle, first), (mut busy, second)) = (open(), open());
        let connections = Connections::default();
        for connection in [&first, &second] {
            locked(&connections.open).push(Arc::downgrade(connection));
        }
        let request = second.begin();
        let closed = |client: &mut TcpStream| client.read(&mut [0]).is_ok_and(|count| count == 0);
        assert_eq!(connections.close_idle(Duration::from_secs(60)), 1);
        assert!(!closed(&mut idle));
        assert_eq!(connections.close_idle(Duration::ZERO), 0);
        assert!(closed(&mut idle) && !closed(&mut busy));
        drop(request);
        assert_eq!(connections.close_idle(Duration::ZERO), 0);
        assert!(closed(&mut busy));
    }
}
