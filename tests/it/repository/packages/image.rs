//! The OCI image: started by runc where namespaces allow it, else its program is run in its unpacked
//! files, as the image's user.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::package;
use crate::support::program::Server;
use crate::support::{Place, has_tool};

/// The user of the image.
const USER: u32 = 65532;

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

/// An unpacked image, with what a runtime of containers needs beside it.
struct Bundle {
    place: Place,
    config: Value,
    /// The name of its container.
    name: String,
}

impl Bundle {
    fn unpack(image: &Path) -> Self {
        let place = Place::on_disk();
        let layout = place.path("layout");
        fs::create_dir(&layout).unwrap();
        let mut tar = Command::new("tar");
        succeed(tar.arg("-xf").arg(image).arg("-C").arg(&layout));
        let image = format!("{}:{}", layout.display(), env!("CARGO_PKG_VERSION"));
        let mut umoci = Command::new("umoci");
        succeed(
            umoci
                .args(["unpack", "--image", &image])
                .arg(place.path("bundle")),
        );
        let config = fs::read(place.path("bundle/config.json")).unwrap();
        let config = serde_json::from_slice(&config).unwrap();
        let name = format!("bienvenue-test-{}", std::process::id());
        Self {
            place,
            config,
            name,
        }
    }

    fn root(&self) -> PathBuf {
        self.place.path("bundle/rootfs")
    }

    fn runc(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.place.path("runc"));
        command.args(arguments);
        command
    }

    /// Writes the settings of a container that runs these arguments, has a volume as its user would
    /// get it, and is reached on this machine's loopback interface.
    fn configure(&self, arguments: &[&str]) {
        let volume = self.place.path("volume");
        fs::create_dir_all(&volume).unwrap();
        std::os::unix::fs::chown(&volume, Some(USER), Some(USER)).unwrap();
        let mut config = self.config.clone();
        let process = &mut config["process"];
        process["terminal"] = json!(false);
        let program = process["args"].as_array_mut().unwrap();
        program.truncate(1);
        program.extend(arguments.iter().map(|argument| json!(argument)));
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|namespace| namespace["type"] != "network");
        let mounts = config["mounts"].as_array_mut().unwrap();
        let data = mounts
            .iter_mut()
            .find(|mount| mount["destination"] == "/var/lib/bienvenue");
        *data.unwrap() = json!({
            "destination": "/var/lib/bienvenue", "type": "bind", "source": volume,
            "options": ["bind", "rw", "nosuid", "nodev", "noexec"],
        });
        let path = self.place.path("bundle/config.json");
        fs::write(path, config.to_string()).unwrap();
    }

    /// Runs a container by the settings that were written.
    fn container(&self) -> Command {
        let mut command = self.runc(&["run", "--bundle"]);
        command.arg(self.place.path("bundle")).arg(&self.name);
        command
    }

    /// Whether containers can be started here; says why not.
    fn can_start(&self) -> bool {
        self.configure(&["--version"]);
        let output = self.container().output().unwrap();
        if !output.status.success() {
            let cause = String::from_utf8_lossy(&output.stderr);
            println!("runc starts no container here, chroot runs the program: {cause}");
        }
        output.status.success()
    }

    /// The program as a container would run it, in its files alone.
    fn chroot(&self) -> Command {
        let mut command = Command::new("/usr/sbin/chroot");
        let user = format!("--userspec={USER}:{USER}");
        command.arg(user).arg(self.root());
        command.args(["/usr/bin/bienvenue", "serve", "--bind", "127.0.0.1:0"]);
        command.env_clear();
        let variables = self.config["process"]["env"].as_array().unwrap();
        for variable in variables {
            let (name, value) = variable.as_str().unwrap().split_once('=').unwrap();
            command.env(name, value);
        }
        command
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        // Ends the container, if there is one.
        drop(self.runc(&["delete", "--force", &self.name]).output());
    }
}

#[test]
#[ignore = "long: needs packages"]
fn image_registers_a_user_without_root() {
    let Some(image) = package("-oci.tar", &["umoci"]) else {
        return;
    };
    if !has_tool("chroot") {
        return;
    }
    let bundle = Bundle::unpack(&image);
    let process = &bundle.config["process"];
    assert_eq!(process["args"], json!(["/usr/bin/bienvenue", "serve"]));
    assert_eq!(process["cwd"], "/var/lib/bienvenue");
    assert_eq!(process["user"], json!({"uid": USER, "gid": USER}));
    assert!(!bundle.root().join("bin/sh").exists());

    let is_container = has_tool("runc") && bundle.can_start();
    let command = if is_container {
        bundle.configure(&["serve", "--bind", "127.0.0.1:0"]);
        bundle.container()
    } else {
        bundle.chroot()
    };
    let server = Server::spawn(command);
    let form = [("email", "bob@example.org"), ("password", "bob_password")];
    let client = reqwest::blocking::Client::new();
    let post = |path: &str| client.post(server.url(path)).form(&form).send().unwrap();
    assert_eq!(
        post("/users").text().unwrap(),
        "{\"email\":\"bob@example.org\",\"message\":\"user created\"}\n"
    );
    assert_eq!(post("/sessions").status(), 200);
    let data = if is_container {
        bundle.place.path("volume")
    } else {
        bundle.root().join("var/lib/bienvenue")
    };
    assert!(data.join("bienvenue.db").exists());
}
