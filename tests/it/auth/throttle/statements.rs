//! How a guess is counted in the database, on both engines.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use bienvenue::db::{DB, LimitCheck, RateLimited};
use bienvenue::domain::{Backoff, Clock, Limit, LimitKey, LimitRule, NormalizedEmail, Rate};
use rstest::rstest;

use crate::support::{Engine, Place, START, settings};

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn account() -> LimitCheck {
    LimitCheck {
        key: LimitKey::account(&NormalizedEmail::parse("bob@dylan.com").unwrap()),
        rule: LimitRule::Backoff(Backoff {
            free: 5,
            first_wait: seconds(1),
            longest_wait: seconds(300),
            limit: 100,
            memory: seconds(30 * 86_400),
        }),
    }
}

fn address() -> LimitCheck {
    let address = bienvenue::domain::ClientIp::new("192.0.2.7".parse().unwrap());
    LimitCheck {
        key: LimitKey::of_clients(Limit::Address, &address.network()),
        rule: LimitRule::Rate(Rate {
            burst: 20,
            interval: seconds(30),
        }),
    }
}

pub(super) struct Store {
    pub(super) clock: Clock,
    pub(super) db: DB,
    /// Last, so that it goes away after the service.
    _place: Place,
}

pub(super) fn store(engine: Engine) -> Option<Store> {
    let place = Place::on(engine)?;
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    Some(Store {
        _place: place,
        clock,
        db,
    })
}

impl Store {
    fn try_login(&self, charge: &LimitCheck) -> Result<(), Duration> {
        let counted = self.db.count_attempt(std::slice::from_ref(charge)).unwrap();
        counted.map(drop).map_err(|RateLimited { wait, .. }| wait)
    }

    fn fails(&self, charge: &LimitCheck) -> u32 {
        let rows = self.db.limit_rows(&[&charge.key]).unwrap();
        rows.first().map_or(0, |row| row.fails)
    }

    /// Removes expired rows and evicts others, up to `limit` of each.
    fn removes(&self, limit: u32) -> usize {
        let expired = self.db.remove_expired_limits(limit).unwrap();
        expired + self.db.remove_surplus_limits(limit).unwrap()
    }

    /// Seconds from the start at which guesses pass, as fast as they are allowed.
    fn schedule(&self, charge: &LimitCheck, guesses: usize) -> Vec<i64> {
        let mut passed = Vec::new();
        while passed.len() < guesses {
            match self.try_login(charge) {
                Ok(()) => passed.push(self.clock.now().seconds() - START.seconds()),
                Err(wait) => {
                    self.clock.advance(wait.saturating_sub(seconds(1)));
                    assert!(self.try_login(charge).is_err(), "a second too early");
                    self.clock.advance(seconds(1));
                }
            }
        }
        passed
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn r11_account_gets_5_guesses_24_in_an_hour_100_in_total(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    let passed = store.schedule(&account(), 100);
    let within = |time: i64| passed.iter().filter(|at| **at < time).count();
    assert_eq!(within(1), 5);
    assert_eq!(within(600), 14);
    assert_eq!(within(3600), 24);
    assert_eq!(passed[99], 26_311, "7.31 hours");
    for _ in 0..30 {
        assert_eq!(store.try_login(&account()), Err(seconds(300)));
        store.clock.advance(seconds(86_400));
    }
    while store.removes(500) > 0 {}
    assert_eq!(store.fails(&account()), 100, "never forgotten");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn r57_address_has_20_guesses_then_one_each_half_minute(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    let passed = store.schedule(&address(), 24);
    assert!(passed[..20].iter().all(|at| *at == 0), "{passed:?}");
    assert_eq!(passed[20..], [30, 60, 90, 120]);
    store.clock.advance(seconds(600));
    assert_eq!(store.schedule(&address(), 20).len(), 20);
}

#[rstest]
#[case(Engine::Sqlite, account(), 5)]
#[case(Engine::Sqlite, address(), 20)]
#[case(Engine::Postgres, account(), 5)]
#[case(Engine::Postgres, address(), 20)]
fn r11_of_sixty_guesses_at_once_exactly_the_free_ones_pass(
    #[case] engine: Engine,
    #[case] charge: LimitCheck,
    #[case] free: usize,
) {
    let Some(store) = store(engine) else { return };
    let begin = Barrier::new(60);
    let passed = thread::scope(|scope| {
        let guess = || {
            begin.wait();
            store.try_login(&charge).is_ok()
        };
        let guesses: Vec<_> = (0..60).map(|_| scope.spawn(guess)).collect();
        let passed = guesses.into_iter().map(|guess| guess.join().unwrap());
        passed.filter(|passed| *passed).count()
    });
    assert_eq!(passed, free);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn f18_wrong_clock_makes_no_wait_too_long(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    for charge in [account(), address()] {
        store.clock.advance(seconds(10 * 365 * 86_400));
        while store.try_login(&charge).is_ok() {}
        store.clock.set(START);
        let row = store.db.limit_rows(&[&charge.key]).unwrap().remove(0);
        assert_eq!(row.wait(&charge.rule, START), Duration::ZERO);
        assert_eq!(store.try_login(&charge), Ok(()));
        while store.try_login(&charge).is_ok() {}
        let wait = store.try_login(&charge).unwrap_err();
        assert!(wait <= seconds(300) && wait > Duration::ZERO, "{wait:?}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn refund_undoes_the_count_of_a_guess(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    for _ in 0..200 {
        let charges = [address(), account()];
        let counted = store.db.count_attempt(&charges).unwrap().unwrap();
        store.db.refund_hits(&counted).unwrap();
    }
    assert_eq!(store.fails(&account()) + store.fails(&address()), 0);
    assert!(store.schedule(&account(), 5).iter().all(|at| *at == 0));
    assert!(store.schedule(&address(), 20).iter().all(|at| *at == 0));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn a_guess_that_one_count_refuses_is_counted_by_none(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    while store.try_login(&account()).is_ok() {}
    for _ in 0..3 {
        let limited = store.db.count_attempt(&[address(), account()]).unwrap();
        assert_eq!(limited.unwrap_err().wait, seconds(1));
    }
    assert_eq!(store.fails(&address()), 0);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn r66_expired_limits_go_then_those_with_fewest_failures(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    let of = |number: u32| LimitCheck {
        key: LimitKey::account(&NormalizedEmail::parse(&format!("{number}@x.org")).unwrap()),
        ..account()
    };
    store.try_login(&address()).unwrap();
    while store.try_login(&of(0)).is_ok() {}
    for number in [1, 2, 3, 4, 2] {
        store.try_login(&of(number)).unwrap();
        store.clock.advance(seconds(60));
    }
    let left = || {
        (0..=4)
            .filter(|n| store.fails(&of(*n)) > 0)
            .collect::<Vec<_>>()
    };
    assert_eq!(store.db.remove_expired_limits(500).unwrap(), 1);
    assert_eq!(store.fails(&address()), 0);
    assert_eq!(left(), [0, 1, 2, 3, 4]);
    assert_eq!(store.db.remove_surplus_limits(1).unwrap(), 1);
    assert_eq!(left(), [0, 2, 3, 4]);
    assert_eq!(store.db.remove_surplus_limits(2).unwrap(), 2);
    assert_eq!(left(), [0, 2], "the later ones, but with more failures");
    store.clock.advance(seconds(31 * 86_400));
    assert_eq!(store.db.remove_expired_limits(1).unwrap(), 1);
    assert_eq!(store.db.remove_expired_limits(500).unwrap(), 1);
}

/// The table is counted in steps, each a short read.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn limits_are_counted_in_steps(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    for number in 0..7 {
        let email = NormalizedEmail::parse(&format!("{number}@x.org")).unwrap();
        let key = LimitKey::account(&email);
        store.try_login(&LimitCheck { key, ..account() }).unwrap();
    }
    let mut steps = 0;
    let mut key = None;
    while let Some(behind) = store.db.limit_behind(key.as_deref(), 2).unwrap() {
        key = Some(behind);
        steps += 1;
    }
    assert_eq!(steps, 3);
}
