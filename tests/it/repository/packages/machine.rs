//! A container with systemd in it, in which packages are installed.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::{Place, eventually};

/// A booted container. It ends with this value.
pub(super) struct Machine {
    nspawn: Child,
    init: String,
    _folder: Place,
}

impl Machine {
    pub(super) fn boot() -> Self {
        let folder = Place::on_disk();
        let script =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/repository/packages/boot");
        let nspawn = Command::new("unshare")
            .arg("--mount")
            .arg(script)
            .arg(folder.folder())
            // The host has the first version of control groups, or both.
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", unified())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let children = format!("/proc/{0}/task/{0}/children", nspawn.id());
        let mut machine = Self {
            nspawn,
            init: String::new(),
            _folder: folder,
        };
        eventually("the container's first process", || {
            let found = fs::read_to_string(&children).unwrap_or_default();
            let init = found.split_whitespace().next().unwrap_or_default();
            init.clone_into(&mut machine.init);
            fs::read_to_string(format!("/proc/{init}/comm")).is_ok_and(|name| name == "systemd\n")
        });
        eventually("the container's start", || {
            let state = machine.output("systemctl is-system-running").0;
            ["running", "degraded"].contains(&state.trim())
        });
        machine
    }

    /// Standard output of a shell command in the container, and whether it succeeded.
    pub(super) fn output(&self, command: &str) -> (String, bool) {
        let output = Command::new("nsenter")
            .args(["-t", &self.init, "-m", "-p", "-u", "-i", "-n", "--"])
            .args(["sh", "-c", command])
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output()
            .unwrap();
        (
            String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr),
            output.status.success(),
        )
    }

    /// Output of a command that has to succeed.
    pub(super) fn run(&self, command: &str) -> String {
        let (output, succeeded) = self.output(command);
        assert!(succeeded, "{command}: {output}");
        output
    }

    pub(super) fn assert_prints(&self, command: &str, text: &str) {
        let output = self.run(command);
        assert!(
            output.contains(text),
            "{command} does not print {text}: {output}"
        );
    }

    /// A shell command that goes on beside the test.
    pub(super) fn spawn(&self, command: &str) -> Child {
        Command::new("nsenter")
            .args(["-t", &self.init, "-m", "-p", "-u", "-i", "-n", "--"])
            .args(["sh", "-c", command])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The first process of a container ends all others with itself.
        let killed = Command::new("kill").args(["-9", &self.init]).status();
        assert!(killed.is_ok() && self.nspawn.wait().is_ok());
    }
}

fn unified() -> &'static str {
    let is_unified = fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap_or(false);
    if is_unified { "1" } else { "0" }
}
