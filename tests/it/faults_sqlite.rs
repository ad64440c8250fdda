//! Faults of the disk, the file and its other users, against the real program on SQLite. Each
//! prints its figures; acknowledged writes lost and half states have to be 0.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};

use crate::support::program::{Server, finish, program};
use crate::support::{Place, eventually, has_tool, sqlite, texts};

const PASSWORD: &str = "bob_pwd";

/// What a client sees of the service, and how long it takes.
#[derive(Clone)]
struct Visitor {
    client: Client,
    url: String,
}

struct Answer {
    status: u16,
    retry_after: bool,
    body: String,
    took: Duration,
}

impl Visitor {
    fn of(server: &Server) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(40)).build();
        Self {
            client: client.unwrap(),
            url: server.url(""),
        }
    }

    /// `None` where no answer came.
    fn post(&self, path: &str, email: &str) -> Option<Answer> {
        let form = [("email", email), ("password", PASSWORD)];
        let request = self.client.post(format!("{}{path}", self.url)).form(&form);
        let start = Instant::now();
        answer(start, request.send())
    }

    fn register(&self, email: &str) -> Option<Answer> {
        self.post("/users", email)
    }

    fn log_in(&self, email: &str) -> String {
        let answer = self.post("/sessions", email).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        json["session_id"].as_str().unwrap().to_owned()
    }

    fn get(&self, path: &str, session_id: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.url));
        let request = request.header("Cookie", format!("session_id={session_id}"));
        let start = Instant::now();
        answer(start, request.send()).unwrap()
    }

    fn profile(&self, session_id: &str) -> Answer {
        self.get("/profile", session_id)
    }

    fn readiness(&self) -> u16 {
        self.get("/readyz", "").status
    }
}

fn answer(start: Instant, sent: reqwest::Result<Response>) -> Option<Answer> {
    let response = sent.ok()?;
    Some(Answer {
        status: response.status().as_u16(),
        retry_after: response.headers().contains_key("Retry-After"),
        body: response.text().ok()?,
        took: start.elapsed(),
    })
}

/// A 503 as clients are promised it.
fn is_unavailable(answer: &Answer) -> bool {
    answer.status == 503 && answer.retry_after && answer.body.contains("\"message\"")
}

fn percentile_99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}

/// What is in a database file beside whole users: damage, sessions of nobody, schema halves.
fn half_states(file: &Path) -> usize {
    let damage = texts(
        file,
        "SELECT integrity_check AS value FROM pragma_integrity_check",
    );
    let orphans = texts(
        file,
        "SELECT digest AS value FROM sessions WHERE user_id NOT IN (SELECT id FROM users)",
    );
    let halves = texts(
        file,
        "SELECT email AS value FROM users WHERE hashed_password NOT LIKE '$2b$04$%' OR email_key <> email",
    );
    damage.iter().filter(|line| *line != "ok").count() + orphans.len() + halves.len()
}

fn users(file: &Path) -> BTreeSet<String> {
    let emails = texts(file, "SELECT email AS value FROM users");
    emails.into_iter().collect()
}

/// The program in a mount namespace of its own, after a script has mounted what it wants.
/// It is the same process from the first to the last: its id is the program's.
fn unshared(place: &Place, script: &str, arguments: &[&str]) -> Command {
    let inner = program(place.folder(), arguments);
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "sh",
            "-ec",
            &format!("{script}\nexec \"$@\""),
            "sh",
        ])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(place.folder())
        .stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Whether this machine lets a test mount that way; where it does not, nothing is to be had.
fn can_mount(place: &Place, script: &str) -> bool {
    if !has_tool("unshare") {
        return false;
    }
    let tried = Command::new("unshare")
        .args(["--mount", "sh", "-ec", script])
        .current_dir(place.folder())
        .output()
        .unwrap();
    if !tried.status.success() {
        let reason = String::from_utf8_lossy(&tried.stderr).into_owned();
        eprintln!(
            "SKIPPED: this machine refuses the mount ({})",
            reason.trim()
        );
    }
    tried.status.success()
}

/// A file or folder as the server's mount namespace has it.
fn seen_by(server: &Server, path: &Path) -> PathBuf {
    let root = format!("/proc/{}/root", server.pid());
    Path::new(&root).join(path.strip_prefix("/").unwrap())
}

/// A copy of a database that nobody writes at the moment, where SQLite can open it.
fn copied(server: &Server, from: &Path, to: &Path) {
    server.signal("STOP");
    for ending in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        fs::copy(name(&seen_by(server, from)), name(to)).unwrap();
    }
    server.signal("CONT");
}

const ON_DISK: [&str; 6] = [
    "--bind",
    "127.0.0.1:0",
    "--bcrypt-cost",
    "4",
    "--database-url",
    "sqlite://disk/bienvenue.db",
];

#[test]
fn f02_a_full_disk_stops_writes_alone_and_is_over_when_there_is_space() {
    let place = Place::new();
    let disk = place.path("disk");
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs disk";
    if !can_mount(&place, script) {
        return;
    }
    let mut server = Server::spawn(unshared(&place, script, &ON_DISK));
    let visitor = Visitor::of(&server);
    let mut acknowledged = BTreeSet::new();
    for number in 0..5 {
        let email = format!("early{number}@dylan.com");
        assert_eq!(visitor.register(&email).unwrap().status, 201);
        acknowledged.insert(email);
    }
    let session = visitor.log_in("early0@dylan.com");
    let ballast = seen_by(&server, &disk.join("ballast"));
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);

    let (mut refused, mut reads) = (0, 0);
    for number in 0.. {
        let email = format!("late{number}@dylan.com");
        let answer = visitor.register(&email).unwrap();
        if answer.status == 201 {
            acknowledged.insert(email);
        } else {
            assert!(is_unavailable(&answer), "{} {}", answer.status, answer.body);
            refused += 1;
        }
        assert_eq!(visitor.profile(&session).status, 200);
        reads += 1;
        assert!(number < 2000, "the disk never was full");
        if refused == 50 {
            break;
        }
    }
    let told = server.logged("storage_full:");

    fs::remove_file(&ballast).unwrap();
    let freed = Instant::now();
    while visitor.register("again@dylan.com").unwrap().status != 201 {
        assert!(freed.elapsed() < Duration::from_secs(1), "it is not over");
    }
    let recovery = freed.elapsed();
    acknowledged.insert("again@dylan.com".to_owned());
    server.wait_for("storage_full is over");

    let copy = place.path("copy.db");
    copied(&server, &disk.join("bienvenue.db"), &copy);
    let there = users(&copy);
    let lost = acknowledged.difference(&there).count();
    let unasked = there.difference(&acknowledged).count();
    let halves = half_states(&copy);
    println!(
        "F02: {lost} of {} acknowledged writes lost, {halves} half states, {unasked} of {refused} \
         refused writes done all the same, {reads} of {reads} reads good, told {told} times, \
         written again after {recovery:?}",
        acknowledged.len()
    );
    assert_eq!((lost, halves, unasked, told), (0, 0, 0, 1));
}

#[test]
fn f02_a_start_that_finds_no_space_says_so_and_may_be_tried_again() {
    let place = Place::new();
    fs::create_dir(place.path("disk")).unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs disk";
    if !can_mount(&place, script) {
        return;
    }
    // Stopped in order, it leaves all in one file.
    let mut server = Server::start(&place);
    server.signal("TERM");
    assert!(server.wait().success());
    let fill = format!(
        "{script}; cp bienvenue.db disk/; touch disk/bienvenue.db.lock; \
         cat /dev/zero >disk/ballast 2>&- || true"
    );
    let start = Instant::now();
    let ended = finish(unshared(&place, &fill, &ON_DISK));
    let text = String::from_utf8(ended.stderr).unwrap();
    let last = text.lines().last().unwrap_or_default();
    println!("F02: start refused after {:?}: {last}", start.elapsed());
    assert_eq!(ended.status.code(), Some(1), "{text}");
    assert!(last.contains("free space"), "{text}");
}

#[test]
fn f03_a_start_on_a_read_only_file_system_is_refused_at_once() {
    let place = Place::new();
    fs::create_dir(place.path("disk")).unwrap();
    let script = "mount --bind disk disk; mount -o remount,bind,ro disk";
    if !can_mount(&place, script) {
        return;
    }
    let made = finish(program(
        place.folder(),
        &["db", "migrate", "--database-url", ON_DISK[5]],
    ));
    assert!(made.status.success());
    for arguments in [&ON_DISK[..], &["db", "migrate", ON_DISK[4], ON_DISK[5]]] {
        let start = Instant::now();
        let ended = finish(unshared(&place, script, arguments));
        let took = start.elapsed();
        let text = String::from_utf8(ended.stderr).unwrap();
        let last = text.lines().last().unwrap_or_default();
        println!("F03: refused after {took:?}: {last}");
        assert_eq!(ended.status.code(), Some(78), "{text}");
        assert!(
            last.contains("bienvenue.db") && last.contains("writ"),
            "{text}"
        );
        assert!(took < Duration::from_secs(1));
    }
}

#[test]
fn f03_a_file_system_that_becomes_read_only_stops_writes_alone() {
    let place = Place::new();
    fs::create_dir(place.path("disk")).unwrap();
    let script = "truncate -s 16M image; mkfs.ext4 -q -F image; \
                  mount -o loop,errors=remount-ro image disk; \
                  test -w /sys/fs/ext4/$(basename $(findmnt -no SOURCE disk))/trigger_fs_error";
    if !can_mount(&place, script) {
        return;
    }
    let mut server = Server::spawn(unshared(&place, script, &ON_DISK));
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    let session = visitor.log_in("bob@dylan.com");
    assert_eq!(visitor.readiness(), 200);

    let mounts = fs::read_to_string(format!("/proc/{}/mounts", server.pid())).unwrap();
    let disk = place.path("disk").display().to_string();
    let mount = mounts.lines().find(|line| line.contains(&disk)).unwrap();
    let device = mount.split(' ').next().unwrap().rsplit('/').next().unwrap();
    fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").unwrap();
    let unready = visitor.readiness();

    let (mut refused, mut reads) = (0, 0);
    for number in 0..20 {
        let answer = visitor
            .register(&format!("late{number}@dylan.com"))
            .unwrap();
        assert!(is_unavailable(&answer), "{} {}", answer.status, answer.body);
        refused += 1;
        assert_eq!(visitor.profile(&session).status, 200);
        reads += 1;
    }
    let told = server.logged("storage_read_only:");
    println!(
        "F03: turned read-only: {refused} of 20 writes answered 503, {reads} of 20 reads good, \
         /readyz {unready} before the first of them, told {told} times"
    );
    assert_eq!((unready, visitor.readiness(), told), (503, 503, 1));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

/// strace on a running program, which makes some of its system calls fail.
struct Sabotage(Child);

impl Sabotage {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let pid = server.pid();
        let child = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-p", &pid])
            .args(arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{pid}/status");
        eventually("strace holds the program", || {
            let status = fs::read_to_string(&status).unwrap_or_default();
            !status.contains("TracerPid:\t0\n")
        });
        Self(child)
    }
}

impl Drop for Sabotage {
    /// Asked to go, it lets the program run on.
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.0.wait());
    }
}

/// Files that nobody may write, not even root, until it is dropped.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    fn make(files: Vec<PathBuf>) -> Option<Self> {
        let immutable = Self(files);
        immutable.chattr("+i").then_some(immutable)
    }

    fn chattr(&self, change: &str) -> bool {
        let done = Command::new("chattr").arg(change).args(&self.0).output();
        let done = done.unwrap();
        if !done.status.success() {
            let reason = String::from_utf8_lossy(&done.stderr).into_owned();
            eprintln!("SKIPPED: chattr {change} is refused ({})", reason.trim());
        }
        done.status.success()
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.chattr("-i");
    }
}

#[test]
fn f03_what_was_read_only_for_a_while_is_written_again_without_a_restart() {
    if !has_tool("chattr") {
        return;
    }
    let place = Place::new();
    let mut server = Server::start(&place);
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    let session = visitor.log_in("bob@dylan.com");
    let files = ["bienvenue.db", "bienvenue.db-wal"].map(|name| place.path(name));
    let Some(immutable) = Immutable::make(files.to_vec()) else {
        return;
    };
    for _ in 0..5 {
        let answer = visitor.register("eve@dylan.com").unwrap();
        assert!(is_unavailable(&answer), "{} {}", answer.status, answer.body);
        assert_eq!(visitor.profile(&session).status, 200);
    }
    assert_eq!(visitor.readiness(), 503);
    drop(immutable);
    let mended = Instant::now();
    while visitor.register("eve@dylan.com").unwrap().status != 201 {
        assert!(mended.elapsed() < Duration::from_secs(1), "it is not over");
    }
    println!("F03: writable again: written after {:?}", mended.elapsed());
    assert_eq!(visitor.readiness(), 200);
    server.wait_for("storage_read_only is over");
}

/// Twenty registrations while another process holds the write lock, and reads beside them.
fn locked_for(held: Duration, waits: bool) {
    const CLIENTS: usize = 20;
    let place = Place::new();
    let server = Server::start(&place);
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    let session = visitor.log_in("bob@dylan.com");
    let mut idle: Vec<_> = (0..200).map(|_| visitor.profile(&session).took).collect();
    let mut other = place.connect();
    other.execute("BEGIN IMMEDIATE");
    let locked = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let visitor = visitor.clone();
            thread::spawn(move || {
                let email = format!("user{number}@dylan.com");
                (visitor.register(&email).unwrap(), email)
            })
        })
        .collect();
    let mut reads = Vec::new();
    let mut unready = None;
    while locked.elapsed() < held {
        let read = visitor.profile(&session);
        assert_eq!(read.status, 200);
        reads.push(read.took);
        if !waits && unready.is_none() {
            let visitor = visitor.clone();
            unready = Some(thread::spawn(move || visitor.get("/readyz", "")));
        }
        thread::sleep(Duration::from_millis(2));
    }
    other.execute("ROLLBACK");
    let answers: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    // What was begun has its end by then.
    thread::sleep(Duration::from_millis(200));
    let there = users(&place.path("bienvenue.db"));
    let made = answers.iter().filter(|(a, _)| a.status == 201).count();
    let wrong = |wanted: u16, present: bool| {
        let such = answers.iter().filter(|(a, _)| a.status == wanted);
        such.filter(|(_, email)| there.contains(email) != present)
            .count()
    };
    let (lost, undead) = (wrong(201, true), wrong(503, false));
    let mut times: Vec<_> = answers.iter().map(|(answer, _)| answer.took).collect();
    let (slowest, idle, read) = (
        percentile_99(&mut times),
        percentile_99(&mut idle),
        percentile_99(&mut reads),
    );
    println!(
        "F04: locked for {held:?}: {made} of {CLIENTS} registrations made, p99 {slowest:?}; {} \
         reads, p99 {read:?} (idle {idle:?}); {lost} acknowledged writes lost, {undead} done \
         after a 503",
        reads.len()
    );
    assert_eq!((lost, undead), (0, 0));
    assert!(read < Duration::from_millis(500), "a read was blocked");
    if waits {
        assert_eq!(made, CLIENTS);
    } else {
        assert!(answers.iter().all(|(answer, _)| is_unavailable(answer)));
        assert!(slowest <= Duration::from_millis(2500), "{slowest:?}");
        let unready = unready.unwrap().join().unwrap();
        assert!(is_unavailable(&unready) && unready.took <= Duration::from_millis(2500));
    }
    assert_eq!(visitor.register("after@dylan.com").unwrap().status, 201);
}

#[test]
fn f04_a_lock_of_another_process_is_waited_for() {
    locked_for(Duration::from_secs(1), true);
}

#[test]
fn f04_a_lock_that_is_held_for_long_is_answered_503_in_time() {
    locked_for(Duration::from_secs(4), false);
}

#[test]
fn f04_a_lock_that_is_freed_after_the_503_leaves_nothing_behind_that_is_done_then() {
    locked_for(Duration::from_secs(3), false);
}

#[test]
#[ignore = "long"]
fn f04_a_lock_that_is_held_for_half_a_minute_changes_nothing_of_that() {
    locked_for(Duration::from_secs(30), false);
}

/// A database of the version before the last migration, with a user in it.
fn old_schema(place: &Place) -> PathBuf {
    let server = Server::start(place);
    let visitor = Visitor::of(&server);
    assert_eq!(visitor.register("bob@dylan.com").unwrap().status, 201);
    server.signal("TERM");
    drop(server);
    let file = place.path("bienvenue.db");
    sqlite(
        &file,
        "PRAGMA journal_mode=DELETE;
         DROP TABLE sessions;
         DELETE FROM __diesel_schema_migrations WHERE version =
             (SELECT max(version) FROM __diesel_schema_migrations);",
    );
    file
}

/// The tables, and the migrations that are said to be applied.
fn schema(file: &Path) -> (Vec<String>, usize) {
    let tables = texts(
        file,
        "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    );
    let applied = if tables.iter().any(|table| table.starts_with("__")) {
        texts(
            file,
            "SELECT version AS value FROM __diesel_schema_migrations",
        )
        .len()
    } else {
        0
    };
    (tables, applied)
}

/// Migrates and dies at a system call, at its first, at its second, and so on until it runs
/// through; every `step`th only. Tells how often it died.
fn die_at_each(call: &str, step: usize, old: Option<&Path>) -> usize {
    let before: &[&str] = match old {
        Some(_) => &["__diesel_schema_migrations", "users"],
        None => &[],
    };
    let whole = ["__diesel_schema_migrations", "sessions", "users"];
    for (deaths, number) in (1..500).step_by(step).enumerate() {
        let place = Place::new();
        let file = place.path("bienvenue.db");
        if let Some(old) = old {
            fs::copy(old, &file).unwrap();
        }
        let inner = program(place.folder(), &["db", "migrate"]);
        let inject = format!("inject={call}:signal=KILL:when={number}");
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(place.folder())
            .env_remove("DATABASE_URL");
        let ended = finish(strace);
        let (tables, applied) = schema(&file);
        let (is_old, is_new) = (
            tables == before && applied == before.len().min(1),
            tables == whole && applied == 2,
        );
        assert!(is_old || is_new, "{call} {number}: {tables:?} {applied}");
        if ended.status.success() {
            assert!(is_new);
            return deaths;
        }
        assert_eq!(ended.status.signal(), Some(9), "{ended:?}");
        let rerun = finish(program(place.folder(), &["db", "migrate"]));
        assert!(rerun.status.success(), "{call} {number}: {rerun:?}");
        assert_eq!(schema(&file), (whole.map(String::from).to_vec(), 2));
        let kept = users(&file);
        assert_eq!(kept.contains("bob@dylan.com"), old.is_some());
        assert_eq!(half_states(&file), 0);
    }
    panic!("{call} never runs through")
}

fn die_in_migrations(step: usize) {
    if !has_tool("strace") {
        return;
    }
    let place = Place::new();
    let old = old_schema(&place);
    let start = Instant::now();
    for (name, old) in [("a new database", None), ("an old schema", Some(&*old))] {
        let points =
            ["pwrite64", "fsync,fdatasync", "unlink"].map(|call| die_at_each(call, step, old));
        println!(
            "F17: {name}: killed at {points:?} writes, syncs, removals: 0 half schemas, every \
             rerun completed, users kept ({:?})",
            start.elapsed()
        );
        assert!(points[0] > 0 && points[1] > 0);
    }
}

#[test]
#[ignore = "long"]
fn f17_a_migration_killed_at_any_write_is_whole_or_not_there() {
    die_in_migrations(1);
}

#[test]
fn f17_a_migration_killed_at_some_writes_is_whole_or_not_there() {
    die_in_migrations(12);
}

/// Registrations by four clients while syncs begin to fail.
fn syncs_fail(when: &str) {
    if !has_tool("strace") {
        return;
    }
    let place = Place::new();
    let mut server = Server::start(&place);
    let visitor = Visitor::of(&server);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let refused = Arc::new(Mutex::new(Vec::new()));
    let unanswered = Arc::new(AtomicUsize::new(0));
    let other = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let visitor = visitor.clone();
            let (acknowledged, refused) = (Arc::clone(&acknowledged), Arc::clone(&refused));
            let (unanswered, other) = (Arc::clone(&unanswered), Arc::clone(&other));
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                for number in 0.. {
                    let email = format!("user{client}-{number}@dylan.com");
                    match visitor.register(&email) {
                        Some(answer) if answer.status == 201 => {
                            acknowledged.lock().unwrap().push((email, Instant::now()));
                        }
                        Some(answer) if is_unavailable(&answer) => {
                            refused.lock().unwrap().push(Instant::now());
                        }
                        Some(_) => drop(other.fetch_add(1, Ordering::Relaxed)),
                        None => {
                            unanswered.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    let inject = format!("inject=fdatasync,fsync:error=EIO:when={when}");
    let sabotage = Sabotage::start(&server, &["-e", &inject]);
    let status = server.wait();
    let ended = Instant::now();
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    drop(sabotage);
    let why = server.wait_for("could not be written through");

    let restarted = Server::start(&place);
    let file = place.path("bienvenue.db");
    let there = users(&file);
    let acknowledged = acknowledged.lock().unwrap();
    let lost = acknowledged
        .iter()
        .filter(|(email, _)| !there.contains(email))
        .count();
    Visitor::of(&restarted).log_in(&acknowledged.last().unwrap().0);
    let refused = refused.lock().unwrap();
    let first = *refused.iter().min().unwrap();
    // Its answer may have been on its way when the next one failed.
    let grace = first + Duration::from_millis(100);
    let late = acknowledged.iter().filter(|(_, at)| *at > grace).count();
    let halves = half_states(&file);
    println!(
        "F24: syncs fail (when={when}): {lost} of {} acknowledged writes lost, {halves} half \
         states, {} answered 503, {} not answered, {late} acknowledged after the first 503, {} \
         committed and not acknowledged; ended {:?} after it with {status}; {why}",
        acknowledged.len(),
        refused.len(),
        unanswered.load(Ordering::Relaxed),
        there.len() - acknowledged.len(),
        ended - first,
    );
    assert_eq!(
        (lost, halves, late, other.load(Ordering::Relaxed)),
        (0, 0, 0, 0)
    );
    assert_eq!(status.code(), Some(1));
    assert!(ended - first < Duration::from_secs(5));
}

#[test]
fn f24_syncs_that_fail_end_the_program_and_lose_nothing() {
    syncs_fail("1+");
}

#[test]
fn f24_a_sync_that_failed_once_is_not_tried_again() {
    syncs_fail("1");
}
