//! F17: killed in a migration.

use std::process::Command;

use crate::support::program::{finish, program};
use crate::support::{Engine, Place, has_tool};

/// Migrates and dies at the first thing it sends to the server, at the second, and so on
/// until it runs through.
#[test]
fn f17_a_migration_killed_at_any_statement_is_whole_or_not_there() {
    if !has_tool("strace") {
        return;
    }
    let mut deaths = 0;
    loop {
        let Some(place) = Place::on(Engine::Postgres) else {
            return;
        };
        let url = place.url_text();
        let migrate = || program(place.folder(), &["db", "migrate", "--database-url", &url]);
        let inner = migrate();
        let inject = format!("inject=sendto:signal=KILL:when={}", deaths + 1);
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(place.folder());
        let ran_through = finish(strace).status.success();
        let tables = place.texts(
            "SELECT table_name::text AS value FROM information_schema.tables
             WHERE table_schema = 'public' ORDER BY table_name",
        );
        let whole = ["__diesel_schema_migrations", "sessions", "users"];
        assert!(tables.is_empty() || tables == whole, "{deaths}: {tables:?}");
        assert!(finish(migrate()).status.success(), "a rerun completes");
        let applied = place.texts("SELECT version AS value FROM __diesel_schema_migrations");
        assert_eq!(applied.len(), 2);
        if ran_through {
            break;
        }
        deaths += 1;
        assert!(deaths < 200, "it never runs through");
    }
    println!("F17 Postgres: {deaths} kill points, 0 half schemas, every rerun completed");
    assert!(deaths > 5, "it was not killed");
}
