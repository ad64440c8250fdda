//! Tests of group commit. A writer holds the turn until the others wait, so that they form a group.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::Text;

use super::*;
use crate::db::{DB, DbSettings};
use crate::domain::DatabaseUrl;

struct Fixture {
    folder: tempfile::TempDir,
    db: DB,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("group.db"));
        let db = DB::open(&url, DbSettings::default()).unwrap();
        db.write(|conn| Ok(conn.batch_execute("CREATE TABLE member (name TEXT UNIQUE)")?))
            .unwrap();
        Self { folder, db }
    }

    fn waiting(&self) -> usize {
        let group_commit = self.db.group_commit.as_ref().unwrap();
        group_commit.queue.lock().waiting()
    }

    /// Holds the turn with a transaction of its own, until the sender sends or is dropped.
    fn hold(&self) -> (Sender<()>, JoinHandle<()>) {
        let (release, released) = channel::<()>();
        let (begun, has_begun) = channel();
        let released = Mutex::new(released);
        let db = self.db.in_background();
        let holder = thread::spawn(move || {
            db.write(|_| {
                begun.send(()).unwrap();
                released.lock().unwrap().recv().ok();
                Ok(())
            })
            .unwrap();
        });
        has_begun.recv().unwrap();
        (release, holder)
    }

    /// Starts a writer and returns when it waits.
    fn queue<T: Send + 'static>(
        &self,
        db: &DB,
        work: impl Fn(&mut AnyConnection) -> Result<T, DbError> + Send + 'static,
    ) -> JoinHandle<Result<T, DbError>> {
        let before = self.waiting();
        let db = db.clone();
        let writer = thread::spawn(move || db.write(work));
        while self.waiting() == before {
            thread::yield_now();
        }
        writer
    }

    fn names(&self) -> Vec<String> {
        let rows: Vec<Name> = self
            .db
            .read(|conn| diesel::sql_query("SELECT name FROM member ORDER BY rowid").load(conn))
            .unwrap();
        rows.into_iter().map(|row| row.name).collect()
    }

    /// The number of transactions in the log: the last frame of each contains the file's size.
    fn commits(&self) -> usize {
        let log = fs::read(self.folder.path().join("group.db-wal")).unwrap();
        let frames = log[32..].chunks_exact(24 + 4096);
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }
}

fn insert(name: &str) -> impl Fn(&mut AnyConnection) -> Result<(), DbError> + Send + 'static {
    let sql = format!("INSERT INTO member VALUES ('{name}')");
    move |conn| Ok(conn.batch_execute(&sql)?)
}

fn full() -> DbError {
    let text = "database or disk is full".to_owned();
    DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text)).into()
}

#[test]
fn waiting_writers_share_commits_in_order() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let before = fixture.commits();
    let names: Vec<_> = (0..32).map(|number| format!("member{number:02}")).collect();
    let writers: Vec<_> = names
        .iter()
        .map(|name| fixture.queue(&fixture.db, insert(name)))
        .collect();
    release.send(()).unwrap();
    holder.join().unwrap();
    for writer in writers {
        writer.join().unwrap().unwrap();
    }
    assert_eq!(fixture.names(), names);
    let commits = fixture.commits() - before;
    assert!(commits < 16, "{commits} commits");
}

#[test]
fn a_failed_member_undoes_only_its_own_work() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let first = fixture.queue(&fixture.db, insert("first"));
    let failing = fixture.queue(&fixture.db, |conn| {
        conn.batch_execute("INSERT INTO member VALUES ('failing')")?;
        Err::<(), _>(DbError::NoResultFound)
    });
    let last = fixture.queue(&fixture.db, insert("last"));
    release.send(()).unwrap();
    holder.join().unwrap();
    first.join().unwrap().unwrap();
    let error = failing.join().unwrap().unwrap_err();
    assert!(matches!(error, DbError::NoResultFound));
    last.join().unwrap().unwrap();
    assert_eq!(fixture.names(), ["first", "last"]);
}

#[test]
fn a_failed_commit_fails_all_members() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let writers = [
        fixture.queue(&fixture.db, insert("first")),
        // The commit finds a row whose parent is missing.
        fixture.queue(&fixture.db, |conn| {
            Ok(conn.batch_execute(
                "PRAGMA defer_foreign_keys=ON;
                 INSERT INTO known_clients (user_id, mark, succeeded_at, expires_at)
                 VALUES (1, 'mark', 0, 0)",
            )?)
        }),
        // Fails only because of the first member.
        fixture.queue(&fixture.db, insert("first")),
    ];
    release.send(()).unwrap();
    holder.join().unwrap();
    for writer in writers {
        let error = writer.join().unwrap().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("FOREIGN KEY constraint failed"), "{text}");
    }
    assert!(fixture.names().is_empty());
    fixture.db.write(insert("afterwards")).unwrap();
    assert_eq!(fixture.names(), ["afterwards"]);
}

#[test]
fn f02_a_transaction_that_sqlite_ended_fails_all_members() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let writers = [
        fixture.queue(&fixture.db, insert("first")),
        // As SQLite does if there is no space for the page.
        fixture.queue(&fixture.db, |conn| {
            conn.batch_execute("ROLLBACK")?;
            Err(full())
        }),
    ];
    let next = fixture.queue(&fixture.db, insert("next"));
    release.send(()).unwrap();
    holder.join().unwrap();
    for writer in writers {
        let error = writer.join().unwrap().unwrap_err();
        let is_full = matches!(error, DbError::Unavailable(Unavailable::Full(_)));
        assert!(is_full, "{error}");
        assert_eq!(error.to_string(), full().to_string());
    }
    next.join().unwrap().unwrap();
    assert_eq!(fixture.names(), ["next"]);
}

#[test]
fn a_panic_in_a_member_harms_no_other() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let first = fixture.queue(&fixture.db, insert("first"));
    let panicking = fixture.queue(&fixture.db, |conn| -> Result<(), DbError> {
        conn.batch_execute("INSERT INTO member VALUES ('panicking')")?;
        unreachable!("a defect");
    });
    let last = fixture.queue(&fixture.db, insert("last"));
    release.send(()).unwrap();
    holder.join().unwrap();
    assert!(panicking.join().is_err());
    first.join().unwrap().unwrap();
    last.join().unwrap().unwrap();
    let mut names = fixture.names();
    names.sort_unstable();
    assert_eq!(names, ["first", "last"]);
}

#[test]
fn a_panic_of_a_single_writer_ends_its_transaction() {
    let fixture = Fixture::new();
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        fixture.db.write(|conn| -> Result<(), DbError> {
            conn.batch_execute("INSERT INTO member VALUES ('panicking')")?;
            unreachable!("a defect");
        })
    }));
    assert!(panicked.is_err());
    fixture.db.write(insert("next")).unwrap();
    assert_eq!(fixture.names(), ["next"]);
}

#[test]
fn a_writer_whose_deadline_passes_in_the_queue_does_nothing() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let hurried = fixture
        .db
        .with_deadline(Instant::now() + Duration::from_millis(200));
    let hurried = fixture.queue(&hurried, insert("hurried"));
    let patient = fixture.queue(&fixture.db, insert("patient"));
    let error = hurried.join().unwrap().unwrap_err();
    let in_use = matches!(error, DbError::Unavailable(Unavailable::InUse));
    assert!(in_use, "{error}");
    release.send(()).unwrap();
    holder.join().unwrap();
    patient.join().unwrap().unwrap();
    assert_eq!(fixture.names(), ["patient"]);
}

#[test]
fn a_turn_that_comes_too_late_is_passed_on() {
    let fixture = Fixture::new();
    let group_commit = fixture.db.group_commit.as_ref().unwrap();
    let mut group = group_commit.begin(Deadline::default()).unwrap();
    insert("first")(&mut group.conn).unwrap();
    let past = Deadline(Some(Instant::now()));
    let result = group.run_next(past, insert("late")).unwrap();
    let late = matches!(
        result,
        Err(DbError::Unavailable(Unavailable::DeadlineExceeded))
    );
    assert!(late);
    let outcome = Arc::clone(&group.outcome);
    group.commit(&fixture.db.storage);
    assert!(outcome.get().is_some_and(Result::is_ok));
    assert_eq!(fixture.names(), ["first"]);
}

#[test]
fn background_work_shares_no_commit() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let before = fixture.commits();
    let background = fixture.db.in_background();
    let writers = [
        fixture.queue(&fixture.db, insert("before")),
        fixture.queue(&background, insert("batch")),
        fixture.queue(&fixture.db, insert("behind")),
    ];
    release.send(()).unwrap();
    holder.join().unwrap();
    for writer in writers {
        writer.join().unwrap().unwrap();
    }
    assert_eq!(fixture.names(), ["before", "batch", "behind"]);
    assert_eq!(fixture.commits() - before, 3);
}

#[test]
fn f24_after_a_lost_commit_no_waiting_writer_begins() {
    let fixture = Fixture::new();
    let (release, holder) = fixture.hold();
    let next = fixture.queue(&fixture.db, insert("next"));
    let failure = Failure::Commit(DatabaseErrorKind::Unknown, "disk I/O error".to_owned());
    let lost = fixture
        .db
        .storage
        .during(true, || Err::<(), _>(failure.error()));
    assert!(lost.is_err());
    release.send(()).unwrap();
    holder.join().unwrap();
    let error = next.join().unwrap().unwrap_err();
    let ending = matches!(error, DbError::Unavailable(Unavailable::ShuttingDown));
    assert!(ending, "{error}");
    assert!(fixture.names().is_empty());
}
