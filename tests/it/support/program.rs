//! Starts the real program.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::pgbouncer::mode;
use super::postgres::pooler;
use super::{Pause, Place};

/// The real program, not started yet: a folder of its own, a free port, cheap hashes, and
/// nothing of the environment that would change its settings. All tests come from one
/// address, so that it counts no guesses unless a flag says so.
pub(crate) fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bienvenue"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let ours = name.starts_with("BIENVENUE_") || name.starts_with("DATABASE_URL");
        if ours || name == "RUST_LOG" || name == "CREDENTIALS_DIRECTORY" {
            command.env_remove(name.as_ref());
        }
    }
    command
        .env("BIENVENUE_THROTTLE", "off")
        .env("BIENVENUE_DATABASE_POOLER", mode(pooler()))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    finish(program(folder, arguments))
}

/// Runs a prepared program to its end, which has to come within ten seconds.
pub(crate) fn finish(mut command: Command) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut pause = Pause::default();
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it should have ended by itself");
        }
        pause.sleep();
    }
    child.wait_with_output().unwrap()
}

/// The messages of a program that was refused.
pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The real program, serving.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    log: Mutex<Receiver<String>>,
    lines: Vec<String>,
}

impl Server {
    /// Starts on the database in the place, with bcrypt at cost 4.
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_with(place, &[])
    }

    pub(crate) fn start_with(place: &Place, arguments: &[&str]) -> Self {
        let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
        command.env("BIENVENUE_BCRYPT_COST", "4").args(arguments);
        Self::spawn(command)
    }

    /// Starts a prepared program and waits for the address in its log.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            address: String::new(),
            log: Mutex::new(log),
            lines: Vec::new(),
        };
        let line = server.wait_for("Running on http://");
        let address = line.split("http://").nth(1).unwrap();
        server.address = address.split('/').next().unwrap().into();
        server
    }

    /// Waits for a line of the log that has the text in it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(line) = self.lines.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.log.get_mut().unwrap().recv_timeout(left) else {
                panic!("never logged: {text}; the log is {:#?}", self.lines);
            };
            self.lines.push(line);
        }
    }

    /// All that it has logged. It has to have ended.
    pub(crate) fn whole_log(&mut self) -> String {
        self.lines.extend(self.log.get_mut().unwrap().iter());
        self.lines.join("\n")
    }

    /// All that it has logged so far.
    pub(crate) fn log_so_far(&mut self) -> String {
        self.lines.extend(self.log.get_mut().unwrap().try_iter());
        self.lines.join("\n")
    }

    /// How many lines of the log so far have the text in them.
    pub(crate) fn logged(&mut self, text: &str) -> usize {
        self.lines.extend(self.log.get_mut().unwrap().try_iter());
        self.lines.iter().filter(|line| line.contains(text)).count()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut pause = Pause::default();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            pause.sleep();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends bytes as they are and reads what comes back until the other end closes, or nothing
/// has come for the time that is given.
pub(crate) fn raw(address: &str, request: &[u8], quiet: Duration) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(quiet)).unwrap();
    drop(stream.write_all(request));
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
