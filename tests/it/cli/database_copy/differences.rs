//! A copy compares what it wrote: rows that differ undo it.

use rstest::rstest;

use super::online::{online, waiting_copy};
use super::{ROWS, both, command, copy};
use crate::support::program::{finish, told};
use crate::support::{Engine, Place};

/// Two triggers that the target should not have: one changes a value of each date that is written,
/// the other loses the row. With the statement that removes them.
fn faults(engine: Engine) -> ([&'static str; 2], &'static str) {
    match engine {
        Engine::Sqlite => (
            [
                "CREATE TRIGGER fault AFTER INSERT ON account_dates BEGIN
                     UPDATE account_dates SET created_at = 6 WHERE user_id = NEW.user_id; END",
                "CREATE TRIGGER fault AFTER INSERT ON account_dates BEGIN
                     DELETE FROM account_dates WHERE user_id = NEW.user_id; END",
            ],
            "DROP TRIGGER fault",
        ),
        Engine::Postgres => (
            [
                "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN NEW.created_at = 6; RETURN NEW; END $$;
                 CREATE TRIGGER fault BEFORE INSERT ON account_dates FOR EACH ROW
                     EXECUTE FUNCTION fault()",
                "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RETURN NULL; END $$;
                 CREATE TRIGGER fault BEFORE INSERT ON account_dates FOR EACH ROW
                     EXECUTE FUNCTION fault()",
            ],
            "DROP FUNCTION fault CASCADE",
        ),
    }
}

fn migrate(place: &Place) {
    assert!(finish(command(place, &["db", "migrate"])).status.success());
}

const SENTENCE: &str = "after the copy, the rows of the table account_dates differ";

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn copy_whose_rows_differ_keeps_nothing(#[case] engine: Engine) {
    let Some((from, to)) = both(Engine::Sqlite, engine) else {
        return;
    };
    migrate(&from);
    migrate(&to);
    from.sql(ROWS);
    let (faults, removal) = faults(engine);
    for fault in faults {
        to.sql(fault);
        let refused = copy(&from, &to);
        assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
        assert!(told(&refused).contains(SENTENCE), "{}", told(&refused));
        let left = "SELECT email AS value FROM users UNION SELECT state FROM copy_marks";
        assert_eq!(to.texts(left), [""; 0]);
        to.sql(removal);
    }
    let copied = copy(&from, &to);
    assert!(copied.status.success(), "{}", told(&copied));
}

#[test]
fn online_copy_whose_changes_differ_moves_nothing() {
    let Some((from, to)) = both(Engine::Sqlite, Engine::Postgres) else {
        return;
    };
    migrate(&from);
    migrate(&to);
    let (faults, removal) = faults(Engine::Postgres);
    to.sql(faults[0]);
    let (mut lock, running) = waiting_copy(&from, &to);
    // The snapshot has no date; this is a change after it.
    from.sql("INSERT INTO account_dates (user_id, created_at) SELECT id, 5 FROM users");
    lock.execute("COMMIT");
    let refused = running.wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains(SENTENCE), "{}", told(&refused));
    let list = ["user", "list", "--limit", "1"];
    assert!(finish(command(&from, &list)).status.success());
    assert_eq!(finish(command(&to, &list)).status.code(), Some(78));
    to.sql(removal);
    let copied = finish(online(&from, &to));
    assert!(copied.status.success(), "{}", told(&copied));
}
