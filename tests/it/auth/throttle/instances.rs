//! F13: instances on one database count guesses together.

use std::sync::Barrier;
use std::thread;

use bienvenue::auth::{Auth, AuthError, ThrottleSettings};
use bienvenue::db::DbSettings;
use bienvenue::domain::Clock;
use rstest::rstest;

use crate::support::app::quick;
use crate::support::{Engine, Place, START, email, password, settings};

/// An instance with a pool of its own.
fn instance(place: &Place, clock: &Clock) -> Auth {
    let db = place.open(DbSettings {
        connections: 4,
        ..settings(clock)
    });
    let settings = bienvenue::auth::AuthSettings {
        throttle: ThrottleSettings::default(),
        ..quick()
    };
    Auth::new(db, settings).unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn f13_two_instances_share_the_five_free_guesses(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let instances = [instance(&place, &clock), instance(&place, &clock)];
    let begin = Barrier::new(60);
    let checked = thread::scope(|scope| {
        let guess = |number: usize| {
            let (auth, begin) = (&instances[number % 2], &begin);
            move || {
                begin.wait();
                match auth.valid_login(&email("bob@dylan.com"), &password("wrong")) {
                    Ok(right) => {
                        assert!(!right);
                        true
                    }
                    Err(AuthError::RateLimited { .. }) => false,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let guesses: Vec<_> = (0..60).map(|n| scope.spawn(guess(n))).collect();
        let checked = guesses.into_iter().map(|guess| guess.join().unwrap());
        checked.filter(|checked| *checked).count()
    });
    assert_eq!(checked, 5);
}
