//! `kill -9` of an online copy in each of its phases: one database is in charge, and nothing that
//! was acknowledged is lost.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::both;
use super::command;
use super::online::{online, serve};
use crate::support::harness::Load;
use crate::support::program::{finish, told};
use crate::support::{Engine, Place, eventually};

/// The phases of an online copy, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Preparation,
    Snapshot,
    Changes,
    Hold,
    Switch,
    Moved,
}

impl Phase {
    /// The phase that begins with this line of the log.
    fn begins_with(line: &str) -> Option<Self> {
        [
            ("its snapshot is copied", Self::Snapshot),
            ("later changes follow", Self::Changes),
            ("writers are held", Self::Hold),
            ("the target is complete", Self::Switch),
            ("the source is moved", Self::Moved),
        ]
        .into_iter()
        .find_map(|(text, phase)| line.contains(text).then_some(phase))
    }

    /// Whether writers are held in it.
    fn is_short(self) -> bool {
        matches!(self, Self::Hold | Self::Switch)
    }

    /// The longest time from its beginning to a kill.
    fn length(self) -> Duration {
        Duration::from_millis(match self {
            Self::Preparation => 200,
            Self::Snapshot => 100,
            Self::Changes => 20,
            Self::Hold => 4,
            Self::Switch => 2,
            Self::Moved => 60,
        })
    }
}

/// A copy that logs its phases.
struct Copy {
    child: Child,
    phases: Receiver<Phase>,
}

impl Copy {
    fn start(from: &Place, to: &Place) -> Self {
        let mut copy = online(from, to);
        copy.env("RUST_LOG", "bienvenue::db::copy=debug");
        let copy = copy.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = copy.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, phases) = mpsc::channel();
        thread::spawn(move || {
            let lines = lines.map_while(Result::ok);
            for phase in lines.filter_map(|line| Phase::begins_with(&line)) {
                sender.send(phase).unwrap_or(());
            }
        });
        Self { child, phases }
    }

    /// Kills it a while after a phase has begun. Returns the phase in which it was; none if it had
    /// ended by itself.
    fn kill(mut self, planned: Phase, random: &mut TestRng) -> Option<Phase> {
        let mut last = Phase::Preparation;
        while last < planned
            && let Ok(phase) = self.phases.recv()
        {
            last = phase;
        }
        thread::sleep(planned.length().mul_f64(random.random_range(0.0..1.0)));
        let had_ended = self.child.try_wait().unwrap().is_some();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        last = self.phases.iter().last().unwrap_or(last);
        (!had_ended).then_some(last)
    }
}

/// Which of the two databases a command may use.
fn usable(places: [&Place; 2]) -> [bool; 2] {
    places.map(|place| {
        let listed = finish(command(place, &["user", "list", "--limit", "1"]));
        listed.status.success()
    })
}

/// Waits until exactly one of the databases may be used: the service may be changing to the target.
fn one_in_charge(places: [&Place; 2], phase: Option<Phase>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let usable = usable(places);
        if usable[0] != usable[1] {
            return;
        }
        assert!(Instant::now() < deadline, "{phase:?}: {usable:?}");
    }
}

/// Kills copies in these phases, one after the other. Each time exactly one database is in charge;
/// what was acknowledged is in the one that is in charge at the end. Returns the number of kills in
/// each phase.
fn kill_copies(planned: &[Phase]) -> Option<BTreeMap<Phase, usize>> {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut killed = BTreeMap::new();
    let mut planned = planned.iter().copied().peekable();
    while planned.peek().is_some() {
        let (from, to) = both(Engine::Sqlite, Engine::Postgres)?;
        let places = [&from, &to];
        let server = serve(&from);
        let load = Load::start(2, &[&server]);
        let mut is_moved = false;
        while !is_moved && let Some(next) = planned.peek() {
            let phase = Copy::start(&from, &to).kill(*next, &mut random);
            if let Some(phase) = phase {
                *killed.entry(phase).or_default() += 1;
                // Hold and switch are short: a kill that came too late is repeated.
                if !next.is_short() || phase.is_short() {
                    planned.next();
                }
            }
            one_in_charge(places, phase);
            let moved = "SELECT state AS value FROM copy_marks WHERE state = 'moved'";
            is_moved = !from.texts(moved).is_empty();
        }
        if !is_moved {
            let copied = finish(online(&from, &to));
            assert!(copied.status.success(), "{}", told(&copied));
        }
        eventually("the target is in charge", || {
            usable(places) == [false, true]
        });
        load.finish().check("killed copies", &to.url_text());
    }
    println!("online copy: kills in each phase: {killed:?}");
    Some(killed)
}

#[test]
fn copy_killed_in_hold_and_switch_leaves_one_in_charge() {
    use Phase::{Hold, Snapshot, Switch};
    kill_copies(&[Snapshot, Hold, Switch, Hold]);
}

/// Each copy clears what the killed one has left in the target.
#[test]
fn copy_killed_in_preparation_leaves_one_in_charge() {
    kill_copies(&[Phase::Preparation; 4]);
}

#[test]
#[ignore = "long"]
fn copy_killed_at_fifty_moments_leaves_one_in_charge() {
    use Phase::{Changes, Hold, Moved, Preparation, Snapshot, Switch};
    let planned = [
        Preparation,
        Hold,
        Switch,
        Snapshot,
        Hold,
        Switch,
        Changes,
        Hold,
        Switch,
        Moved,
    ];
    let Some(killed) = kill_copies(&planned.repeat(5)) else {
        return;
    };
    let count = |phase| killed.get(&phase).copied().unwrap_or_default();
    assert!(killed.values().sum::<usize>() >= 50, "{killed:?}");
    assert!(count(Hold) + count(Switch) >= 30, "{killed:?}");
    assert!(count(Hold) >= 3 && count(Switch) >= 3, "{killed:?}");
}
