//! Turns at the database: sites take them in rotation, so that a flood from one site waits
//! behind itself and not in front of everybody else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::Prefix;

type Line = VecDeque<oneshot::Sender<Turn>>;

/// A number of turns, and the lines in front of them.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<State>>);

/// The right to use the database; dropping it passes it on.
pub(super) struct Turn(Option<Turns>);

#[derive(Default)]
struct State {
    free: usize,
    /// Requests of each site that wait.
    lines: HashMap<Prefix, Line>,
    /// The sites with a line, the next one first.
    rotation: VecDeque<Prefix>,
    /// Requests that are counted for no site, such as those with a session. They get every
    /// second turn.
    others: Line,
    others_next: bool,
}

impl Turns {
    pub(super) fn new(count: usize) -> Self {
        let state = State {
            free: count,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for a turn in the line of that site. None at the end of the service.
    pub(super) async fn take(&self, subnet: Option<Prefix>) -> Option<Turn> {
        let turn = {
            let mut state = self.lock();
            if let Some(free) = state.free.checked_sub(1) {
                state.free = free;
                return Some(Turn(Some(self.clone())));
            }
            let (sender, turn) = oneshot::channel();
            state.push(subnet, sender);
            turn
        };
        turn.await.ok()
    }

    /// Gives a turn that is over to the next request that still waits.
    fn pass_on(self) {
        while let Some(next) = self.next() {
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // That request is gone: its turn must not be passed on by its drop.
                Err(mut turn) => turn.0 = None,
            }
        }
    }

    /// The next request that waits; without one the turn is free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut state = self.lock();
        let next = state.next();
        state.free += usize::from(next.is_none());
        next
    }

    /// Nothing panics while it holds the lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

impl State {
    fn push(&mut self, subnet: Option<Prefix>, request: oneshot::Sender<Turn>) {
        let Some(subnet) = subnet else {
            self.others.push_back(request);
            return;
        };
        let line = self.lines.entry(subnet).or_default();
        if line.is_empty() {
            self.rotation.push_back(subnet);
        }
        line.push_back(request);
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        self.others_next = !self.others_next;
        if self.others_next {
            self.others.pop_front().or_else(|| self.next_of_sites())
        } else {
            self.next_of_sites().or_else(|| self.others.pop_front())
        }
    }

    fn next_of_sites(&mut self) -> Option<oneshot::Sender<Turn>> {
        let subnet = self.rotation.pop_front()?;
        let line = self.lines.get_mut(&subnet)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&subnet);
        } else {
            self.rotation.push_back(subnet);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;

    use super::*;
    use crate::domain::ClientAddress;

    fn site(number: u8) -> Prefix {
        let address = Ipv4Addr::new(10, 0, number, 1);
        ClientAddress::new(address.into()).subnet()
    }

    /// In which order requests get the one turn, after one that holds it.
    fn order(waiting: &[(&'static str, Option<Prefix>)]) -> Vec<&'static str> {
        let turns = Turns::new(1);
        let mut turn = turns.take(None).now_or_never().unwrap();
        let mut requests: Vec<_> = waiting
            .iter()
            .map(|(name, subnet)| {
                let mut request = Box::pin(turns.take(*subnet));
                assert!(request.as_mut().now_or_never().is_none());
                (*name, request)
            })
            .collect();
        let mut order = Vec::new();
        while !requests.is_empty() {
            drop(turn.take());
            requests.retain_mut(|(name, request)| {
                let Some(taken) = request.as_mut().now_or_never() else {
                    return true;
                };
                turn = taken;
                order.push(*name);
                false
            });
        }
        order
    }

    #[test]
    fn a_flood_from_one_site_waits_behind_itself() {
        let flood = ("flood", Some(site(1)));
        let waiting = [flood, flood, flood, flood, ("owner", Some(site(2))), flood];
        let expected = ["flood", "owner", "flood", "flood", "flood", "flood"];
        assert_eq!(order(&waiting), expected);
    }

    #[test]
    fn requests_of_no_site_get_every_second_turn() {
        let sites = [1, 2, 3, 4].map(|number| ("login", Some(site(number))));
        let waiting = [sites.as_slice(), &[("profile", None), ("profile", None)]].concat();
        let expected = ["profile", "login", "profile", "login", "login", "login"];
        assert_eq!(order(&waiting), expected);
    }

    #[test]
    fn a_request_that_is_gone_keeps_no_turn() {
        let turns = Turns::new(1);
        let take = || turns.take(Some(site(1))).now_or_never();
        for _ in 0..3 {
            let turn = take();
            let mut waiting: Vec<_> = (0..4)
                .map(|_| Box::pin(turns.take(Some(site(1)))))
                .collect();
            for request in &mut waiting {
                assert!(request.as_mut().now_or_never().is_none());
            }
            // Two are gone before their turn, one when it has got it and not seen it.
            drop((waiting.remove(0), waiting.remove(1)));
            drop(turn);
            drop(waiting);
        }
        assert!(take().is_some());
        assert_eq!(turns.lock().free, 1);
    }
}
