//! Step 4 of `docs/deploy.md`, with a mail server that asks for a password.

use std::fs;

use super::server::MailServer;
use crate::support::guide::{Machine, blocks, section};
use crate::support::program::Server;

#[test]
fn guide_makes_a_production_service_send_mails() {
    let Some(server) = MailServer::that("asks-who") else {
        return;
    };
    let machine = Machine::new();
    machine.run(&blocks(section("## 2. The units"), "sh")[0]);
    let step = section("## 4. Mail");
    let warnings = blocks(step, "text").remove(0);
    let mut service = Server::spawn(machine.service());
    for warning in warnings.lines() {
        let line = service.wait_for(warning);
        assert!(line.contains("WARN"), "{line}");
    }
    drop(service);

    let password = "s3cret word";
    machine.tool("editor", &format!("echo '{password}' > \"$1\""));
    let (named, own) = (
        "bienvenue@mail.example.org",
        format!("bob@127.0.0.1:{}", server.port),
    );
    let commands = blocks(step, "sh").remove(0);
    assert!(commands.contains(named), "{commands}");
    let printed = machine.run(&commands.replace(named, &own));
    assert!(
        printed.contains("accepted the mail to you@example.org"),
        "{printed}"
    );
    let (mail, to) = server.received().unwrap();
    assert_eq!(to, "you@example.org");
    assert!(mail.contains("From: bienvenue@example.org"), "{mail}");

    // The service, with the credential as systemd passes it, and with no file to read.
    let drop_in = machine.path("etc/systemd/system/bienvenue.service.d/mail.conf");
    let drop_in = fs::read_to_string(drop_in).unwrap();
    let (_, credential) = drop_in.split_once("LoadCredential=").unwrap();
    let (name, file) = credential.trim_end().split_once(':').unwrap();
    let credentials = machine.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::copy(file, credentials.join(name)).unwrap();
    fs::remove_file(file).unwrap();
    let mut command = machine.service();
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let mut service = Server::spawn(command);
    for warning in warnings.lines() {
        assert_eq!(service.logged(warning), 0, "{warning}");
    }
}
