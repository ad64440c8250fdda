//! The rules of limits in Rust and the SQL that counts by them agree, for any rule.

use std::time::Duration;

use bienvenue::db::{LimitCheck, LimitHit};
use bienvenue::domain::{Backoff, LimitKey, LimitRule, NormalizedEmail, Rate, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof};
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use rstest::rstest;

use super::statements::{Store, seconds, store};
use crate::support::{Engine, START};

#[derive(Debug, Clone, Copy)]
enum Step {
    Hit,
    Refund,
    /// The clock moves by this number of seconds, forwards or backwards.
    Pass(i64),
    /// The clock moves to the time at which the next hit is due, plus this number of seconds.
    ToDue(i64),
}

fn rules() -> impl Strategy<Value = LimitRule> {
    let backoff = (0..8_u32, 1..100_u64, 1..5000_u64, 1..40_u32, 1..100_000_u64);
    let backoff = backoff.prop_map(|(free, first, longest, limit, memory)| {
        LimitRule::Backoff(Backoff {
            free,
            first_wait: seconds(first),
            longest_wait: seconds(longest),
            limit,
            memory: seconds(memory),
        })
    });
    let rate = (1..30_u32, 1..600_u64).prop_map(|(burst, interval)| {
        LimitRule::Rate(Rate {
            burst,
            interval: seconds(interval),
        })
    });
    prop_oneof![backoff, rate]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Hit),
        1 => Just(Step::Refund),
        1 => (-20_000..20_000_i64).prop_map(Step::Pass),
        4 => (-1..=1_i64).prop_map(Step::ToDue),
    ];
    vec(step, 1..50)
}

/// A row as the rules in Rust make it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    fails: u32,
    next_at: Timestamp,
    purge_at: Timestamp,
}

/// A key with its row by the rules, beside the row in the database.
struct Case<'a> {
    store: &'a Store,
    check: LimitCheck,
    row: Option<Row>,
    /// The hits, with their time and the due time after each.
    hits: Vec<(LimitHit, Timestamp, Timestamp)>,
}

const NEVER: Timestamp = Timestamp::from_seconds(i64::MAX);

impl Case<'_> {
    fn now(&self) -> Timestamp {
        self.store.clock.now()
    }

    fn run(&mut self, steps: &[Step]) -> TestCaseResult {
        for step in steps {
            match step {
                Step::Hit => self.hit()?,
                Step::Refund => self.refund(),
                Step::Pass(by) => self.set(self.now().seconds() + by),
                Step::ToDue(by) => self.set(self.due().seconds() + by),
            }
            self.compare()?;
        }
        self.purge()
    }

    fn set(&self, seconds: i64) {
        self.store.clock.set(Timestamp::from_seconds(seconds));
    }

    fn due(&self) -> Timestamp {
        match (&self.row, &self.check.rule) {
            (None, _) => self.now(),
            (Some(row), LimitRule::Backoff(_)) => row.next_at,
            (Some(row), LimitRule::Rate(rate)) => {
                row.next_at.minus(rate.span()).plus(rate.interval)
            }
        }
    }

    /// How long the rules have a hit wait.
    fn wait(&self) -> Duration {
        let longest = match (&self.row, &self.check.rule) {
            (Some(row), LimitRule::Backoff(rule)) if row.fails >= rule.limit => {
                return rule.longest_wait;
            }
            (_, LimitRule::Backoff(rule)) => rule.longest_wait,
            (_, LimitRule::Rate(rate)) => rate.interval,
        };
        let wait = self.due().seconds() - self.now().seconds();
        let wait = seconds(wait.try_into().unwrap_or(0));
        // A row of a clock that was ahead limits nothing.
        if wait > longest { seconds(0) } else { wait }
    }

    fn hit(&mut self) -> TestCaseResult {
        let expected = self.wait();
        let counted = self
            .store
            .db
            .count_attempt(std::slice::from_ref(&self.check));
        match counted.unwrap() {
            Err(limited) => prop_assert_eq!(limited.wait, expected),
            Ok(hits) => {
                prop_assert_eq!(seconds(0), expected, "counted, and not due");
                let row = self.row_after_hit();
                let now = self.now();
                let hits = hits.into_iter().map(|hit| (hit, now, row.next_at));
                self.hits.extend(hits);
                self.row = Some(row);
            }
        }
        Ok(())
    }

    fn row_after_hit(&self) -> Row {
        let now = self.now();
        let before = self.row.map_or(0, |row| row.fails);
        match &self.check.rule {
            LimitRule::Backoff(rule) => Row {
                fails: before + 1,
                next_at: now.plus(rule.wait_after(before + 1)),
                purge_at: if before + 1 >= rule.limit {
                    NEVER
                } else {
                    now.plus(rule.memory)
                },
            },
            LimitRule::Rate(rate) => {
                let last = self.row.map(|row| row.next_at);
                let last = last.filter(|at| *at > now && *at <= now.plus(rate.span()));
                let next_at = last.unwrap_or(now).plus(rate.interval);
                Row {
                    fails: last.map_or(1, |_| before + 1),
                    next_at,
                    purge_at: next_at,
                }
            }
        }
    }

    /// Refunds the last hit that was not refunded.
    fn refund(&mut self) {
        let (Some((hit, at, next_at)), Some(row)) = (self.hits.pop(), &mut self.row) else {
            return;
        };
        self.store.db.refund_hits(&[hit]).unwrap();
        if row.fails == 0 {
            return;
        }
        row.fails -= 1;
        match &self.check.rule {
            LimitRule::Backoff(rule) => {
                if row.next_at == next_at {
                    row.next_at = at;
                }
                row.purge_at = at.plus(rule.memory);
            }
            LimitRule::Rate(rate) => {
                row.next_at = row.next_at.minus(rate.interval);
                row.purge_at = row.purge_at.minus(rate.interval);
            }
        }
    }

    /// The row in the database is that of the rules, and its wait too.
    fn compare(&self) -> TestCaseResult {
        let rows = self.store.db.limit_rows(&[&self.check.key]).unwrap();
        let found = rows.first().map(|row| (row.fails, row.next_at));
        let expected = self.row.map(|row| (row.fails, row.next_at));
        prop_assert_eq!(found, expected);
        let wait = rows
            .first()
            .map(|row| row.wait(&self.check.rule, self.now()));
        prop_assert_eq!(wait.unwrap_or_default(), self.wait());
        Ok(())
    }

    /// The row is removed when it limits nothing any more, and not a second before.
    fn purge(&self) -> TestCaseResult {
        let Some(row) = self.row else { return Ok(()) };
        let is_there_at = |at: i64| {
            self.set(at);
            self.store.db.remove_expired_limits(u32::MAX).unwrap();
            let rows = self.store.db.limit_rows(&[&self.check.key]).unwrap();
            !rows.is_empty()
        };
        prop_assert!(is_there_at(row.purge_at.seconds() - 1), "{:?}", row);
        if row.purge_at != NEVER {
            prop_assert!(!is_there_at(row.purge_at.seconds()), "{:?}", row);
        }
        Ok(())
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn rules_in_rust_and_in_sql_agree(#[case] engine: Engine) {
    let Some(store) = store(engine) else { return };
    let mut runner = TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    });
    let number = std::cell::Cell::new(0);
    let run = |(rule, steps): (LimitRule, Vec<Step>)| {
        // Each case has a key of its own, so that all share a database.
        number.set(number.get() + 1);
        let email = NormalizedEmail::parse(&format!("user{}@x.fr", number.get())).unwrap();
        store.clock.set(START);
        let mut case = Case {
            store: &store,
            check: LimitCheck {
                key: LimitKey::account(&email),
                rule,
            },
            row: None,
            hits: Vec::new(),
        };
        case.run(&steps)
    };
    runner.run(&(rules(), steps()), run).unwrap();
}
