//! `bienvenue app groups`: which groups have access to an application.

use bienvenue::domain::{App, Clock, GroupName, Origin};
use rstest::rstest;

use crate::support::program::{finish, program, told};
use crate::support::{Engine, Place, settings};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn groups_of_an_application_are_changed(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::system()));
    for group in ["family", "staff"] {
        db.create_group(&group.parse().unwrap()).unwrap();
    }
    let name = "wiki".parse().unwrap();
    let wiki = App {
        name,
        origin: Origin::of_app("https://wiki.example.org").unwrap(),
        groups: vec!["staff".parse().unwrap()],
        second_factor: true,
    };
    db.add_app(&wiki).unwrap();
    let groups = |arguments: &[&str], status: i32| {
        let mut command = program(place.folder(), &["app", "groups"]);
        command.args(arguments).arg("--offline");
        command.env("DATABASE_URL", place.url_text());
        let output = finish(command);
        assert_eq!(output.status.code(), Some(status), "{}", told(&output));
        let app = db.app(&wiki.name).unwrap();
        assert!(app.second_factor);
        let groups = app.groups.iter().map(GroupName::to_string);
        groups.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        groups(&["wiki", "staff", "family", "staff"], 0),
        "family staff"
    );
    assert_eq!(groups(&["wiki", "nix"], 3), "family staff");
    assert_eq!(groups(&["nix", "staff"], 3), "family staff");
    // Nothing opens an application to every user by mistake.
    assert_eq!(groups(&["wiki"], 2), "family staff");
    assert_eq!(
        groups(&["wiki", "staff", "--every-user"], 2),
        "family staff"
    );
    assert_eq!(groups(&["wiki", "--every-user"], 0), "");
}
