//! Runs the commands of `docs/deploy.md` and other guides as they stand, under a folder instead of `/`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;

use super::program::program;

static GUIDE: LazyLock<String> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy.md");
    fs::read_to_string(file).unwrap()
});

/// The text under a heading of `docs/deploy.md`, up to the next heading.
pub(crate) fn section(heading: &str) -> &'static str {
    section_of(&GUIDE, heading)
}

/// The text under a heading of a guide, up to the next heading.
pub(crate) fn section_of(guide: &'static str, heading: &str) -> &'static str {
    let start = format!("\n{heading}\n");
    assert_eq!(guide.matches(&start).count(), 1, "{heading}");
    let (_, rest) = guide.split_once(&start).unwrap();
    let end = rest.match_indices("\n#").map(|(at, _)| at);
    // In a block of commands a line may begin with the mark of a heading.
    let end = end.map(|at| &rest[..at]);
    let mut ends = end.filter(|text| text.matches("```").count() % 2 == 0);
    ends.next().unwrap_or(rest)
}

/// The blocks of a language in a text.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let mut blocks = Vec::new();
    for piece in text.split(&start).skip(1) {
        let (block, _) = piece.split_once("```").unwrap();
        let lines = block.lines().map(str::trim_start);
        blocks.push(lines.fold(String::new(), |text, line| text + line + "\n"));
    }
    blocks
}

/// A machine with the folders that Debian and the units make. `/etc`, `/var` and `/run` in
/// commands are folders of its own.
pub(crate) struct Machine {
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let machine = Self {
            root: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        };
        for folder in [
            "etc/bienvenue",
            "etc/systemd/system",
            "var/lib/bienvenue",
            "var/backups",
            "bin",
        ] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        let copied = Command::new("cp")
            .arg("-r")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy"))
            .arg(machine.path("deploy"))
            .status();
        assert!(copied.unwrap().success());
        let program = env!("CARGO_BIN_EXE_bienvenue");
        machine.tool("bienvenue", &format!("exec {program} \"$@\""));
        for name in ["systemctl", "systemd-analyze", "curl", "apt"] {
            machine.tool(name, "exit 0");
        }
        machine.tool("sudo", "shift 2; exec \"$@\"");
        machine
    }

    /// Makes a program that the commands find before the system's own.
    pub(crate) fn tool(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Sets a variable for the commands.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A file of this machine.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// The text with the paths of this machine.
    fn moved(&self, text: &str) -> String {
        let root = self.root.path().display();
        ["/etc/", "/var/", "/run/"]
            .iter()
            .fold(text.to_owned(), |text, folder| {
                text.replace(folder, &format!("{root}{folder}"))
            })
    }

    /// Runs a block of commands inside the folder `deploy`. Each command has to succeed.
    pub(crate) fn run(&self, commands: &str) -> String {
        let output = self.output(commands);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{commands}{told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a block of commands until one fails.
    pub(crate) fn output(&self, commands: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        // A shell in the cleaned environment of the program's own tests.
        let clean = program(&self.path("deploy"), &[]);
        let mut shell = Command::new("bash");
        for (name, value) in clean.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
            .args(["-e", "-c", &self.moved(commands)])
            .current_dir(self.path("deploy"))
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("BIENVENUE_CONFIG", self.path("etc/bienvenue/bienvenue.env"))
            .envs(self.variables.clone())
            .output()
            .unwrap()
    }

    /// The service with the settings of this machine, not started yet.
    pub(crate) fn service(&self) -> Command {
        let mut command = program(&self.path("var/lib/bienvenue"), &["--bind", "127.0.0.1:0"]);
        command.env("BIENVENUE_CONFIG", self.path("etc/bienvenue/bienvenue.env"));
        command
    }
}
