//! The OCI image: unpacked, and its program run as the image's user.

use std::path::Path;
use std::process::Command;

use super::package;
use crate::support::program::Server;
use crate::support::{Place, has_tool};

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

#[test]
#[ignore = "long: needs packages"]
fn image_registers_a_user_without_root() {
    let Some(file) = package("-oci.tar", &["umoci", "jq"]) else {
        return;
    };
    if !has_tool("chroot") {
        return;
    }
    let place = Place::on_disk();
    let layout = place.path("layout");
    let bundle = place.path("bundle");
    std::fs::create_dir(&layout).unwrap();
    succeed(
        Command::new("tar")
            .arg("-xf")
            .arg(&file)
            .arg("-C")
            .arg(&layout),
    );
    let image = format!("{}:{}", layout.display(), env!("CARGO_PKG_VERSION"));
    succeed(
        Command::new("umoci")
            .args(["unpack", "--image", &image])
            .arg(&bundle),
    );

    // What a container's runtime would do with the image's settings.
    let setting = |filter: &str| {
        let config = bundle.join("config.json");
        let output = Command::new("jq")
            .args(["-r", filter])
            .arg(config)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(
        setting(".process.args | join(\" \")"),
        "/usr/bin/bienvenue serve"
    );
    assert_eq!(setting(".process.cwd"), "/var/lib/bienvenue");
    assert_eq!(
        setting("\"\\(.process.user.uid):\\(.process.user.gid)\""),
        "65532:65532"
    );
    let root = bundle.join("rootfs");
    assert!(!Path::new(&root.join("bin/sh")).exists());

    let mut command = Command::new("/usr/sbin/chroot");
    command.args(["--userspec=65532:65532"]).arg(&root);
    command.args(["/usr/bin/bienvenue", "serve", "--bind", "127.0.0.1:0"]);
    command.env_clear();
    command.env(
        "DATABASE_URL",
        setting(
            ".process.env[] | select(startswith(\"DATABASE_URL=\")) | ltrimstr(\"DATABASE_URL=\")",
        ),
    );
    let server = Server::spawn(command);
    let form = [("email", "bob@example.org"), ("password", "bob_password")];
    let client = reqwest::blocking::Client::new();
    let answer = client
        .post(server.url("/users"))
        .form(&form)
        .send()
        .unwrap();
    assert_eq!(
        answer.text().unwrap(),
        "{\"email\":\"bob@example.org\",\"message\":\"user created\"}\n"
    );
    assert!(root.join("var/lib/bienvenue/bienvenue.db").exists());
}
