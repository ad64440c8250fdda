//! F17: killed in a migration.

use std::process::Command;

use bienvenue::domain::Clock;

use crate::support::program::{finish, program};
use crate::support::{Engine, Place, has_tool, settings};

/// Migrates and dies at the first thing it sends to the server, at the second, and so on until it
/// runs through; every `step`th only.
fn die_at_each_statement(step: usize) {
    if !has_tool("strace") {
        return;
    }
    let tables = |place: &Place| {
        place.texts(
            "SELECT table_name::text AS value FROM information_schema.tables
             WHERE table_schema = 'public' ORDER BY table_name",
        )
    };
    let applied = |place: &Place| {
        let versions = "SELECT version AS value FROM __diesel_schema_migrations ORDER BY version";
        place.texts(versions)
    };
    let Some(undisturbed) = Place::on(Engine::Postgres) else {
        return;
    };
    drop(undisturbed.open(settings(&Clock::system())));
    for (deaths, number) in (1..200).step_by(step).enumerate() {
        let Some(place) = Place::on(Engine::Postgres) else {
            return;
        };
        let url = place.url_text();
        let migrate = || program(place.folder(), &["db", "migrate", "--database-url", &url]);
        let inner = migrate();
        let inject = format!("inject=sendto:signal=KILL:when={number}");
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .arg(inner.get_program())
            .args(inner.get_args())
            .envs(
                inner
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(place.folder());
        let ran_through = finish(strace).status.success();
        let there = tables(&place);
        let is_whole = there == tables(&undisturbed);
        assert!(there.is_empty() || is_whole, "{number}: {there:?}");
        assert!(finish(migrate()).status.success(), "a rerun completes");
        assert_eq!(applied(&place), applied(&undisturbed));
        if ran_through {
            println!("F17 Postgres: {deaths} kill points, 0 half schemas, every rerun completed");
            assert!(deaths > 5, "it was not killed");
            return;
        }
    }
    panic!("it never runs through");
}

#[test]
#[ignore = "long"]
fn f17_migration_killed_at_any_statement_is_atomic() {
    die_at_each_statement(1);
}

#[test]
fn f17_migration_killed_at_some_statements_is_atomic() {
    die_at_each_statement(20);
}
