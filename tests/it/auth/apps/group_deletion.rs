//! A group is deleted in batches: it grants nothing from the first moment on, also if the deletion is
//! interrupted.

use bienvenue::db::{DB, GroupDeletion};
use bienvenue::domain::{Clock, GroupName, UserId};
use rstest::rstest;

use super::{WIKI, add_app, origin};
use crate::support::statements::Statements;
use crate::support::{Engine, Place, START, settings};

/// A group with this many members, whose ids are 1, 2, 3, ...
fn group(place: &Place, db: &DB, engine: Engine, members: u32) -> GroupName {
    let staff: GroupName = "staff".parse().unwrap();
    db.create_group(&staff).unwrap();
    place.sql(&format!(
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {members}) \
         INSERT INTO users (email, email_key, hashed_password) \
         SELECT 'u' || CAST(n AS TEXT), 'u' || CAST(n AS TEXT), '!' FROM c"
    ));
    place.sql("INSERT INTO group_members (user_id, group_name) SELECT id, 'staff' FROM users");
    let bytes = match engine {
        Engine::Sqlite => "BLOB",
        Engine::Postgres => "BYTEA",
    };
    place.sql(&format!(
        "INSERT INTO invitations (digest, group_name, created_at, expires_at) \
         SELECT CAST(email AS {bytes}), 'staff', 0, 33000000000 FROM users"
    ));
    staff
}

fn count(place: &Place, table: &str) -> String {
    let count = format!("SELECT CAST(count(*) AS TEXT) AS value FROM {table}");
    place.texts(&count).remove(0)
}

#[rstest]
fn deletion_of_a_group_removes_rows_in_batches(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let sent = Statements::to(&place);
    let db = place.open(settings(&Clock::set_to(START)));
    let staff = group(&place, &db, engine, 2500);
    assert_eq!(
        db.remove_members_of_deleted(&staff, None, 10).unwrap(),
        None
    );
    assert_eq!(count(&place, "group_members"), "2500", "it is not deleted");
    drop(sent.in_order());
    assert_eq!(db.delete_group(&staff).unwrap(), GroupDeletion::Deleted);
    let removals = sent.in_order();
    let of = |table: &str| {
        let removals = removals.iter().filter(|it| it.starts_with("DELETE FROM"));
        let start = |it: &&String| {
            it.replace(['"', '`'], "")
                .starts_with(&format!("DELETE FROM {table} "))
        };
        removals.filter(start).count()
    };
    // A thousand rows each; the last statement on invitations finds none.
    assert_eq!(
        (of("group_members"), of("invitations")),
        (3, 4),
        "{removals:#?}"
    );
    for table in ["group_members", "invitations", "groups"] {
        assert_eq!(count(&place, table), "0", "{table}");
    }
    assert_eq!(db.delete_group(&staff).unwrap(), GroupDeletion::Unknown);
}

#[rstest]
fn interrupted_deletion_grants_nothing_and_goes_on(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    let staff = group(&place, &db, engine, 5);
    add_app(&db, "wiki", WIKI, &["guests"]);
    let last = UserId::new(5);
    let groups = || db.access_facts(last, &origin(WIKI)).unwrap().groups;
    assert_eq!(groups(), std::slice::from_ref(&staff));
    // As it is after the first write of a deletion, and one batch.
    place.sql("UPDATE groups SET deleted_at = 1 WHERE name = 'staff'");
    let removed = db.remove_members_of_deleted(&staff, None, 2).unwrap();
    assert_eq!(removed, Some(UserId::new(2)));
    assert_eq!(count(&place, "group_members"), "3");

    assert!(groups().is_empty());
    assert!(!db.is_member(&staff, last).unwrap());
    assert!(db.groups_of(last).unwrap().is_empty());
    let exported = db.users_to_export(None, 10).unwrap();
    assert!(exported.iter().all(|user| user.groups.is_empty()));
    assert!(!db.has_group(&staff).unwrap());
    assert_eq!(db.groups(None, 10).unwrap(), ["guests".parse().unwrap()]);
    assert_eq!(db.add_member(&staff, last).unwrap(), None);

    // A new group of this name has no member of the old one.
    assert!(db.create_group(&staff).unwrap());
    assert_eq!(count(&place, "group_members"), "0");
    assert_eq!(count(&place, "invitations"), "0");
    assert_eq!(db.add_member(&staff, last).unwrap(), Some(true));
    place.sql("UPDATE groups SET deleted_at = 1 WHERE name = 'staff'");
    assert_eq!(db.delete_group(&staff).unwrap(), GroupDeletion::Deleted);
    assert_eq!(count(&place, "group_members"), "0");
}
