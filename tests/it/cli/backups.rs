//! `bienvenue backup`: backups of a live database, verified, restored, interrupted and damaged.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::Value;

use crate::support::program::{Server, finish, program, run, told};
use crate::support::{Engine, Place, eventually, has_tool, texts};

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", told(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn create(place: &Place, target: &str) -> Value {
    let output = run(place.folder(), &["backup", "create", target, "--json"]);
    serde_json::from_str(&printed(&output)).unwrap()
}

fn verify(place: &Place, file: &Path) -> Output {
    let file = file.to_str().unwrap();
    run(place.folder(), &["backup", "verify", file])
}

/// Restores to another database than the one of the place.
fn restore(place: &Place, file: &str, database: &str) -> Output {
    let url = format!("--database-url=sqlite://{database}");
    run(place.folder(), &["backup", "restore", file, &url])
}

/// The password of every user.
const PASSWORD: &str = "bob_pwd";

fn emails(file: &Path) -> BTreeSet<String> {
    texts(file, "SELECT email AS value FROM users")
        .into_iter()
        .collect()
}

/// A database with that many users.
fn filled(users: u32) -> Place {
    let place = Place::new();
    printed(&run(place.folder(), &["db", "migrate"]));
    place.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {users})
         INSERT INTO users (id, email, hashed_password, email_key)
             SELECT i, 'user' || i || '@x.fr', '!', 'user' || i || '@x.fr' FROM n"
    ));
    place
}

/// The files of a folder whose names begin like that.
fn files(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(beginning)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn f19_backup_under_load_loses_nothing() {
    let place = Place::new();
    let server = Server::start(&place);
    let (told_users, is_over) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    let mut backups = Vec::new();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (server, told_users, is_over) = (&server, &told_users, &is_over);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    let email = format!("w{writer}.{number}@x.fr");
                    assert_eq!(server.register(&email, PASSWORD), 201);
                    told_users.lock().unwrap().insert(email);
                }
            });
        }
        for number in 0..5 {
            eventually("the writers write", || {
                told_users.lock().unwrap().len() > number * 4
            });
            let before = told_users.lock().unwrap().clone();
            let name = format!("backup{number}.db");
            create(&place, &name);
            backups.push((place.path(&name), before));
        }
        is_over.store(true, Ordering::SeqCst);
    });
    for (file, before) in &backups {
        printed(&verify(&place, file));
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let lost = before.difference(&emails(file)).count();
        assert_eq!(lost, 0, "acknowledged before the backup began");
    }
    assert!(!backups[4].1.is_empty(), "there was no load");
    assert_eq!(
        files(place.folder(), "backup").len(),
        5,
        "nothing unfinished is left"
    );
}

#[test]
fn f19_restore_revives_no_session() {
    let place = Place::new();
    let server = Server::start(&place);
    assert_eq!(server.register("bob@x.fr", PASSWORD), 201);
    let cookie = server.session("bob@x.fr", PASSWORD);
    let report = create(&place, "backup.db");
    assert_eq!(report["users"], 1);
    let key = report["secret_key_file"].as_str().unwrap();
    assert!(key.ends_with("bienvenue.db.secret-key"), "{report}");
    let running = run(place.folder(), &["backup", "restore", "backup.db"]);
    assert!(!running.status.success());
    assert!(told(&running).contains("in use"), "{}", told(&running));
    drop(server);
    let occupied = run(place.folder(), &["backup", "restore", "backup.db"]);
    assert_eq!(occupied.status.code(), Some(4), "{}", told(&occupied));
    let refusal = told(&occupied);
    assert!(refusal.contains("exists already"), "{refusal}");

    let output = restore(&place, "backup.db", "restored.db");
    assert!(
        told(&output).contains("restored.db.secret-key"),
        "{}",
        told(&output)
    );
    printed(&output);
    let restored = place.path("restored.db");
    assert_eq!(
        fs::metadata(&restored).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for table in ["sessions", "known_clients", "outbox", "pending_logins"] {
        let count = format!("SELECT CAST(count(*) AS TEXT) AS value FROM {table}");
        assert_eq!(texts(&restored, &count), ["0"], "{table}");
    }
    let again = restore(&place, "backup.db", "restored.db");
    assert_eq!(again.status.code(), Some(4), "{}", told(&again));
    let server = Server::start_with(&place, &["--database-url=sqlite://restored.db"]);
    assert_eq!(server.profile(&cookie), 403, "the session is over");
    assert_eq!(server.log_in("bob@x.fr", PASSWORD), 200);
}

/// Measures time, since the time is what F19 bounds: a hundred thousand users are back within ten seconds.
#[test]
fn f19_a_hundred_thousand_users_are_back_in_time() {
    let place = filled(100_000);
    create(&place, "backup.db");
    let begun = Instant::now();
    printed(&restore(&place, "backup.db", "restored.db"));
    let took = begun.elapsed();
    println!("restored 100,000 users in {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(emails(&place.path("restored.db")).len(), 100_000);
}

#[test]
fn f20_damaged_backup_is_found_and_not_restored() {
    let place = filled(2_000);
    create(&place, "backup.db");
    let whole = fs::read(place.path("backup.db")).unwrap();
    let damaged = place.path("damaged.db");
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages}");
    for page in (0..pages).step_by(pages / 10) {
        let mut bytes = whole.clone();
        // The kind of the page; on the first one it is behind the header of the file.
        let at = if page == 0 { 100 } else { page * 4096 };
        bytes[at] ^= 0xff;
        fs::write(&damaged, bytes).unwrap();
        let output = verify(&place, &damaged);
        assert!(!output.status.success(), "page {page}");
        let restored = restore(&place, "damaged.db", "restored.db");
        assert!(!restored.status.success(), "page {page}");
        let left = files(place.folder(), "restored.db");
        let is_lock = |file: &PathBuf| file.ends_with("restored.db.lock");
        assert!(left.iter().all(is_lock), "{left:?}");
    }
    for bytes in [&whole[..whole.len() / 2], &whole[..50], b"no database"] {
        fs::write(&damaged, bytes).unwrap();
        assert!(!verify(&place, &damaged).status.success());
    }
    fs::write(&damaged, b"").unwrap();
    assert!(!verify(&place, &damaged).status.success(), "an empty file");
}

/// Kills a command at a random moment, again and again.
fn killed(place: &Place, arguments: &[&str], mut check: impl FnMut()) {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let begun = Instant::now();
    printed(&run(place.folder(), arguments));
    let whole = u64::try_from(begun.elapsed().as_millis()).unwrap().max(10);
    for _ in 0..12 {
        check();
        let mut command = program(place.folder(), arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.random_range(0..whole)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    check();
}

#[test]
fn f19_killed_backup_is_whole_or_not_there() {
    let place = filled(20_000);
    let target = place.path("backup.db");
    let mut complete = 0;
    killed(&place, &["backup", "create", "backup.db"], || {
        if target.exists() {
            complete += 1;
            printed(&verify(&place, &target));
            fs::remove_file(&target).unwrap();
        }
    });
    assert!(complete >= 1);
    create(&place, "backup.db");
    assert_eq!(
        files(place.folder(), "backup.db").len(),
        1,
        "nothing is left over"
    );
    printed(&run(place.folder(), &["db", "check"]));
}

#[test]
fn f19_killed_restore_is_whole_or_not_there() {
    let place = filled(20_000);
    create(&place, "backup.db");
    let target = place.path("restored.db");
    let restore = [
        "backup",
        "restore",
        "backup.db",
        "--database-url=sqlite://restored.db",
    ];
    killed(&place, &restore, || {
        if target.exists() {
            let lost = "SELECT CAST(count(*) AS TEXT) AS value FROM users";
            assert_eq!(texts(&target, lost), ["20000"]);
            printed(&verify(&place, &target));
            fs::remove_file(&target).unwrap();
        }
    });
    printed(&run(place.folder(), &restore));
    printed(&verify(&place, &place.path("backup.db")));
    assert_eq!(files(place.folder(), "restored.db.unfinished").len(), 0);
}

#[test]
fn full_disk_leaves_no_backup() {
    let place = filled(20_000);
    let script = "mkdir -p disk && mount -t tmpfs -o size=1m tmpfs disk";
    if !has_tool("unshare") {
        return;
    }
    let inner = program(place.folder(), &["backup", "create", "disk/backup.db"]);
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg(format!(
            "{script} || {{ echo SKIPPED; exit 0; }}; \"$@\"; code=$?; ls disk; exit $code"
        ))
        .arg("sh")
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(place.folder());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = finish(command);
    let left = String::from_utf8_lossy(&output.stdout).into_owned();
    if left.contains("SKIPPED") {
        eprintln!("SKIPPED: this machine refuses the mount");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("full"), "{}", told(&output));
    assert_eq!(left, "", "files are left on the disk");
}

#[test]
fn old_backups_are_deleted() {
    let place = filled(10);
    fs::create_dir(place.path("backups")).unwrap();
    for name in [
        "bienvenue-20260101T000000Z.db",
        "bienvenue-20260102T000000Z.db",
        "other.db",
    ] {
        fs::write(place.path("backups").join(name), "old").unwrap();
    }
    fs::write(
        place
            .path("backups")
            .join("bienvenue-20260103T000000Z.db.unfinished"),
        "left over",
    )
    .unwrap();
    let keep = ["backup", "create", "backups", "--keep=2", "--json"];
    let report = printed(&run(place.folder(), &keep));
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["deleted"].as_array().unwrap().len(), 2);
    let left = files(&place.path("backups"), "bienvenue-");
    assert_eq!(left.len(), 2);
    assert!(left[0].ends_with("bienvenue-20260102T000000Z.db"));
    printed(&verify(&place, &left[1]));
    assert!(place.path("backups/other.db").exists());
}

#[test]
fn backup_on_postgresql_names_pg_dump() {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    for arguments in [
        &["backup", "create", "x.db"],
        &["backup", "restore", "x.db"],
    ] {
        let mut command = program(place.folder(), arguments);
        command.env("DATABASE_URL", place.url_text());
        let output = finish(command);
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        assert!(
            told(&output).contains("pg_dump --format=custom"),
            "{}",
            told(&output)
        );
    }
    assert!(!place.path("x.db").exists());
}
