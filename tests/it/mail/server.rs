//! A mail server of Debian's (aiosmtpd), which behaves well or badly.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use bienvenue::mail::{Mailer, Smtp, SmtpSettings};
use tempfile::TempDir;

use super::email;
use crate::support::{PYTHON, has_python_module};

pub(crate) struct MailServer {
    process: Child,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
}

impl MailServer {
    /// One that behaves so, if there is any on this machine.
    pub(crate) fn that(behaviour: &str) -> Option<Self> {
        Self::at(0, behaviour)
    }

    /// The same on that port.
    pub(crate) fn at(port: u16, behaviour: &str) -> Option<Self> {
        if !has_python_module("aiosmtpd", "python3-aiosmtpd") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        if behaviour.starts_with("speaks-tls") {
            certificate(&folder);
        }
        let mut process = Command::new(PYTHON)
            .args(["-c", include_str!("server.py"), behaviour])
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        Some(Self {
            process,
            port: line.trim().parse().unwrap(),
            folder,
        })
    }

    pub(crate) fn settings(&self) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: Some(self.port),
            implicit_tls: false,
            login: None,
            from: email("bienvenue@example.org"),
            patience: Some(std::time::Duration::from_secs(2)),
        }
    }

    pub(crate) fn mailer(&self) -> Mailer {
        Mailer::Smtp(Smtp::new(self.settings()).unwrap())
    }

    /// Behaves so from now on.
    pub(crate) fn becomes(&self, behaviour: &str) {
        let file = self.folder.path().join("behaviour.tmp");
        fs::write(&file, behaviour).unwrap();
        fs::rename(file, self.folder.path().join("behaviour")).unwrap();
    }

    /// When the mail to an address came, once it is there.
    pub(crate) fn came_at(&self, address: &str) -> Option<std::time::SystemTime> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        let mails = files.map(|file| file.unwrap().path());
        let mut mails = mails.filter(|path| path.extension().is_some_and(|e| e == "eml"));
        let mail = mails.find(|mail| {
            fs::read_to_string(mail.with_extension("to")).is_ok_and(|to| to == address)
        });
        mail.map(|mail| fs::metadata(mail).unwrap().modified().unwrap())
    }

    /// The mails that it took, in order, and for whom.
    pub(crate) fn mails(&self) -> Vec<(String, String)> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        let mut mails: Vec<_> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "eml"))
            .collect();
        mails.sort();
        let read = |path: &std::path::Path| fs::read_to_string(path).unwrap();
        let both = |path: &std::path::PathBuf| (read(path), read(&path.with_extension("to")));
        mails.iter().map(both).collect()
    }

    /// The only mail that it took, and for whom.
    pub(crate) fn received(&self) -> Option<(String, String)> {
        let mut mails = self.mails();
        assert!(mails.len() < 2, "{mails:?}");
        mails.pop()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A certificate for `localhost` that no authority has signed.
fn certificate(folder: &TempDir) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args(["-subj", "/CN=localhost", "-keyout", "key.pem"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:0.0.0.0"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-out", "cert.pem"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}
