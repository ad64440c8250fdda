//! Repeated audit events: a client can cause some of them as often as it likes. Of each kind, the
//! first ones of an hour have rows of their own; further ones are counted, and share a row.
//!
//! The kinds are counted apart, so that a flood of one event hides no other event, and no other
//! network. The number of counters is fixed: kinds that share one by chance share its rows too.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use crate::domain::{Actor, AuditDetails, NewAuditEvent, Timestamp, UserId};

/// How long the counts of rows last.
const PERIOD: Duration = Duration::from_secs(60 * 60);

/// How many rows an event of a user gets in this time, from one network and from all together.
const ROWS_OF_NETWORK: u32 = 20;
const ROWS_OF_USER: u32 = 60;

/// After how long counted events get their row.
const REPORT_AFTER: Duration = Duration::from_secs(10 * 60);

/// How many rows the counted events get together. Further ones share a row with those of other
/// users.
const FURTHER_MAX: usize = 20_000;

/// What is counted together. Without a network: those of all networks. Without a user: those of all
/// users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Kind {
    user: Option<UserId>,
    event: &'static str,
    outcome: Option<String>,
    network: Option<String>,
}

/// The counts of rows, and the events that have no row of their own. The number of counters bounds
/// memory use, and the rows of an hour: 20 for each counter.
#[derive(Debug, Default)]
pub(super) struct Repeats<const COUNTERS: u64 = { 1 << 16 }> {
    /// When the counts of rows began.
    began_at: Option<Timestamp>,
    /// When the first of the events came that have no row yet.
    further_since: Option<Timestamp>,
    /// The counts by counter.
    rows: BTreeMap<u64, u32>,
    /// Picks the counter of a kind. Clients cannot know which kinds share one.
    hasher: RandomState,
    further: BTreeMap<(Kind, Option<String>), NewAuditEvent>,
}

impl<const COUNTERS: u64> Repeats<COUNTERS> {
    /// Returns the event if it gets a row of its own, and else counts it. `network` is that of the
    /// client. Acts of administrators always get one: they have a limit of their own.
    pub(super) fn admit(
        &mut self,
        event: NewAuditEvent,
        network: Option<String>,
    ) -> Option<NewAuditEvent> {
        let user = match (event.user_id, event.actor) {
            (Some(_), Actor::Client | Actor::Service) => event.user_id,
            (Some(_) | None, Actor::Operator | Actor::Administrator(_)) | (None, _) => {
                return Some(event);
            }
        };
        if is_over(self.began_at, PERIOD, event.at) {
            self.rows.clear();
            self.began_at = Some(event.at);
        }
        let of_user = Kind {
            user,
            event: event.event,
            outcome: event.details.outcome.clone(),
            network: None,
        };
        let of_network = Kind {
            network: Some(network.unwrap_or_default()),
            ..of_user.clone()
        };
        if self.count(&of_network) > ROWS_OF_NETWORK {
            self.add(of_network, event);
            None
        } else if self.count(&of_user) > ROWS_OF_USER {
            self.add(of_user, event);
            None
        } else {
            Some(event)
        }
    }

    fn count(&mut self, kind: &Kind) -> u32 {
        let counter = self.hasher.hash_one(kind) % COUNTERS;
        let count = self.rows.entry(counter).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// Counts an event that has no row of its own.
    fn add(&mut self, kind: Kind, event: NewAuditEvent) {
        self.further_since.get_or_insert(event.at);
        let reason = event.details.reason;
        let mut key = (kind, reason.clone());
        if self.further.len() >= FURTHER_MAX && !self.further.contains_key(&key) {
            (key.0.user, key.0.network) = (None, None);
        }
        let user_id = key.0.user;
        let ip = event.details.ip.filter(|_| key.0.network.is_some());
        let row = self.further.entry(key).or_insert_with(|| NewAuditEvent {
            user_id,
            details: AuditDetails {
                outcome: event.details.outcome,
                reason,
                repeats: Some(0),
                ..AuditDetails::default()
            },
            ..event
        });
        row.at = event.at;
        row.details.ip = ip;
        row.details.repeats = row.details.repeats.map(|repeats| repeats.saturating_add(1));
    }

    /// The rows of the events that were counted, if they are due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<NewAuditEvent> {
        if self.further.is_empty() || !is_over(self.further_since, REPORT_AFTER, now) {
            return Vec::new();
        }
        self.take_all()
    }

    /// The rows of all events that were counted.
    pub(super) fn take_all(&mut self) -> Vec<NewAuditEvent> {
        self.further_since = None;
        std::mem::take(&mut self.further).into_values().collect()
    }
}

/// Whether a time has passed. A clock that was set back ends it too.
fn is_over(since: Option<Timestamp>, span: Duration, now: Timestamp) -> bool {
    since.is_none_or(|since| now >= since.plus(span) || now < since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &'static str, user: i64, at: i64) -> NewAuditEvent {
        NewAuditEvent {
            at: Timestamp::from_seconds(at),
            event: name,
            user_id: Some(UserId::new(user)),
            actor: Actor::Client,
            details: AuditDetails {
                ip: Some("203.0.113.9".to_owned()),
                ..AuditDetails::default()
            },
        }
    }

    /// How many of `count` events get a row.
    fn rows<const COUNTERS: u64>(
        repeats: &mut Repeats<COUNTERS>,
        count: u32,
        event: &NewAuditEvent,
        network: &str,
    ) -> usize {
        let admitted = (0..count).filter_map(|_| {
            let network = Some(network.to_owned());
            repeats.admit(event.clone(), network)
        });
        admitted.count()
    }

    #[test]
    fn a_flood_hides_no_other_event_network_or_user() {
        // With this number of counters no two kinds share one.
        let mut repeats = Repeats::<{ u64::MAX }>::default();
        let renamed = event("renamed", 1, 0);
        assert_eq!(rows(&mut repeats, 1000, &renamed, "a"), 20);
        for (event, network) in [
            (event("login", 1, 0), "a"),
            (renamed.clone(), "b"),
            (event("renamed", 2, 0), "a"),
        ] {
            assert_eq!(rows(&mut repeats, 1, &event, network), 1, "{event:?}");
        }
        let mut failed = renamed.clone();
        failed.details.outcome = Some("failure".to_owned());
        assert_eq!(rows(&mut repeats, 1, &failed, "a"), 1);
        let mut act = renamed;
        act.actor = Actor::Administrator(UserId::new(2));
        assert_eq!(rows(&mut repeats, 100, &act, "a"), 100);
    }

    #[test]
    fn a_flood_from_many_networks_is_bounded_too() {
        let mut repeats = Repeats::default();
        let event = event("renamed", 1, 0);
        let of =
            |network: u32, repeats: &mut Repeats| rows(repeats, 10, &event, &network.to_string());
        let admitted: usize = (0..100).map(|network| of(network, &mut repeats)).sum();
        assert_eq!(admitted, 60);
        let further = repeats.take_all();
        assert_eq!(further.len(), 1, "they share a row: {further:?}");
        assert_eq!(further[0].details.repeats, Some(940));
        assert_eq!(further[0].details.ip, None, "of many networks");
    }

    #[test]
    fn the_rows_of_an_hour_are_bounded_for_any_number_of_users() {
        let mut repeats = Repeats::<16>::default();
        let admit = |user| repeats.admit(event("login", user, 0), Some("a".to_owned()));
        let admitted = (0..40_000).filter_map(admit).count();
        assert!(admitted <= 16 * 20, "{admitted}");
        let further = repeats.take_all();
        assert_eq!(further.len(), FURTHER_MAX + 1);
        let shared: Vec<_> = further.iter().filter(|row| row.user_id.is_none()).collect();
        assert_eq!(shared.len(), 1, "of all further users: {shared:?}");
        let counted: u64 = further.iter().filter_map(|row| row.details.repeats).sum();
        assert_eq!(counted + admitted as u64, 40_000, "no event is forgotten");
    }

    #[test]
    fn counted_events_get_a_row_with_their_number() {
        let mut repeats: Repeats = Repeats::default();
        let at = Timestamp::from_seconds;
        rows(&mut repeats, 20, &event("renamed", 1, 0), "a");
        assert_eq!(repeats.take_due(at(0)), []);
        rows(&mut repeats, 7, &event("renamed", 1, 5), "a");
        assert_eq!(repeats.take_due(at(604)), []);
        let due = repeats.take_due(at(605));
        let mut expected = event("renamed", 1, 5);
        expected.details.repeats = Some(7);
        assert_eq!(due, [expected]);
        rows(&mut repeats, 1, &event("renamed", 1, 606), "a");
        assert_eq!(repeats.take_due(at(1205)), []);
        assert_eq!(repeats.take_due(at(1206)).len(), 1);
        // In the next hour they have rows of their own.
        assert_eq!(rows(&mut repeats, 1, &event("renamed", 1, 3599), "a"), 0);
        assert_eq!(rows(&mut repeats, 99, &event("renamed", 1, 3600), "a"), 20);
    }
}
