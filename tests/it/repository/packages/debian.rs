//! The Debian package: lintian, and its life on a machine with systemd.

use std::io::Read;
use std::process::Command;

use super::machine::Machine;
use super::package;

/// Asks for a page a hundred times, each time on a new connection; prints what is not 200.
const REQUESTS: &str = "for i in $(seq 100); do \
    curl -s -o /dev/null -w '%{http_code}\n' --max-time 20 http://127.0.0.1:5000/healthz; sleep 0.02; \
    done | grep -v 200; echo done";

const REGISTER: &str = "curl -s -X POST -d email=bob@example.org -d password=bob_password \
    http://127.0.0.1:5000/users";
const LOG_IN: &str = "curl -s -c /root/jar -X POST -d email=bob@example.org \
    -d password=bob_password http://127.0.0.1:5000/sessions";
const PROFILE: &str = "curl -s -b /root/jar http://127.0.0.1:5000/profile";

#[test]
#[ignore = "long: needs packages"]
fn debian_package_has_no_lintian_tags() {
    let Some(file) = package("-1_amd64.deb", &["lintian"]) else {
        return;
    };
    let lintian = Command::new("lintian")
        .args(["--fail-on=error,warning", "--allow-root"])
        .arg(file)
        .output()
        .unwrap();
    let findings = String::from_utf8_lossy(&lintian.stdout);
    assert!(
        lintian.status.success() && findings.is_empty(),
        "{findings}"
    );
}

#[test]
#[ignore = "long: needs packages"]
fn debian_package_is_installed_upgraded_and_purged() {
    if package(".deb", &["systemd-nspawn", "dpkg", "curl"]).is_none() {
        return;
    }
    let machine = Machine::boot();
    let files = "find / -xdev -path '*bienvenue*' \
        -not -path '/proc/*' -not -path '/var/packages*' -not -path '/work/*' -not -path '/tmp/*' \
        -not -path '/var/log/*' -not -path '/root/*' | sort";
    let before = machine.run(files);

    // Installed: the service runs, and people can register.
    machine.run("dpkg -i /var/packages/*before_amd64.deb");
    assert_eq!(
        machine.run("systemctl is-active bienvenue.socket bienvenue.service"),
        "active\nactive\n"
    );
    assert_eq!(
        machine.run("systemctl is-enabled bienvenue.socket bienvenue.service"),
        "enabled\nenabled\n"
    );
    machine.assert_prints(REGISTER, "user created");
    machine.assert_prints(LOG_IN, "session_id");
    machine.run("man -w bienvenue-user-add || test -e /usr/share/man/man1/bienvenue-user-add.1.gz");
    machine.assert_prints("bienvenue user list --json", "bob@example.org");

    // Upgraded while people use it: no request fails, and all sessions stay.
    let first = machine.run("systemctl show -p MainPID bienvenue");
    let mut requests = machine.spawn(REQUESTS);
    machine.run("dpkg -i /var/packages/*-1_amd64.deb");
    let mut failed = String::new();
    requests
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut failed)
        .unwrap();
    requests.wait().unwrap();
    assert_eq!(failed, "done\n");
    assert_ne!(machine.run("systemctl show -p MainPID bienvenue"), first);
    machine.assert_prints(PROFILE, "bob@example.org");

    // The timer's service writes a backup that can be verified.
    machine.run("systemctl start bienvenue-backup.service");
    machine.run("bienvenue backup verify /var/backups/bienvenue/*");
    machine.run("systemctl enable --now bienvenue-backup.timer");
    machine.assert_prints(
        "systemctl list-timers --no-pager",
        "bienvenue-backup.service",
    );

    // Removed: the port is closed. Settings and accounts stay for the next installation.
    machine.run("echo '# mine' >> /etc/bienvenue/bienvenue.env");
    machine.run("dpkg -r bienvenue");
    assert!(!machine.output(PROFILE).1);
    machine.run("dpkg -i /var/packages/*-1_amd64.deb");
    machine.assert_prints(PROFILE, "bob@example.org");
    machine.run("grep -q mine /etc/bienvenue/bienvenue.env");

    // Purged: only the accounts and their backups stay, and the operator learns where.
    let purge = machine.run("dpkg -P bienvenue");
    assert!(
        purge.contains("rm -r /var/lib/private/bienvenue"),
        "{purge}"
    );
    machine.run("rm -r /var/lib/private/bienvenue /var/lib/bienvenue /var/backups/bienvenue");
    assert_eq!(machine.run(files), before);
    assert_eq!(
        machine.run("systemctl list-unit-files 'bienvenue*' --no-legend --no-pager; true"),
        ""
    );
}
