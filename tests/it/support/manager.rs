//! Plays systemd: a socket that hears what the service says about itself, and a listening
//! socket that outlives it.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The receiver of `sd_notify`.
pub(crate) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    heard: Vec<String>,
}

impl Manager {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            path,
            heard: Vec::new(),
        }
    }

    /// Has a program report here, and say that it is well within that time.
    pub(crate) fn watch(&self, command: &mut Command, within: Duration) {
        command
            .env("NOTIFY_SOCKET", &self.path)
            .env("WATCHDOG_USEC", within.as_micros().to_string());
    }

    /// Listens for so long, and returns what was said in that time, line by line.
    pub(crate) fn listen(&mut self, length: Duration) -> Vec<String> {
        let deadline = Instant::now() + length;
        let before = self.heard.len();
        while let Some(left) = left(deadline) {
            self.hear(left);
        }
        self.heard[before..].to_vec()
    }

    /// Waits until something that begins so is said, for twenty seconds at most.
    pub(crate) fn hear_of(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut next = self.heard.len();
        loop {
            if let Some(line) = self.heard[next..]
                .iter()
                .find(|line| line.starts_with(text))
            {
                return line.clone();
            }
            next = self.heard.len();
            let Some(left) = left(deadline) else {
                panic!("{text} was never said: {:#?}", self.heard);
            };
            self.hear(left);
        }
    }

    /// All that was heard so far.
    pub(crate) fn heard(&self) -> &[String] {
        &self.heard
    }

    fn hear(&mut self, patience: Duration) {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut message = [0; 4096];
        if let Ok(length) = self.socket.recv(&mut message) {
            let message = String::from_utf8(message[..length].to_vec()).unwrap();
            // One entry a line, and no entry that only a line of an error's text has made.
            let known = ["READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS="];
            for line in message.lines() {
                assert!(known.iter().any(|entry| line.starts_with(entry)), "{line}");
            }
            self.heard.extend(message.lines().map(String::from));
        }
    }
}

fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

/// The same program with that descriptor as its third, as systemd hands sockets over.
pub(crate) fn with_socket(program: &Command, socket: impl Into<OwnedFd>) -> Command {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=${LISTEN_FDS:-1} exec "$0" "$@""#)
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(program.get_current_dir().unwrap())
        .stdin(Stdio::from(socket.into()));
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// A listening socket as systemd has it, and its address.
pub(crate) fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}
