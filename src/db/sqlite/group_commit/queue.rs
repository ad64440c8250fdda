//! A queue of writers in order of arrival, each with a deadline.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::db::Unavailable;
use crate::db::connection::transactions::Deadline;
use crate::db::stats::PoolEvents;

/// Whether a writer shares its commit with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::db) enum Sharing {
    /// It shares with other shared writers.
    Shared,
    /// It does not: long work, for which the members of a group would have to wait.
    Alone,
}

/// The writer that has the turn, and those that wait for it. `G` is passed from one to the next.
pub(super) struct Queue<G> {
    state: Mutex<State<G>>,
    events: PoolEvents,
}

pub(super) struct State<G> {
    turn: Owner<G>,
    waiting: VecDeque<Arc<Waiter>>,
}

enum Owner<G> {
    /// No writer has the turn, and none waits.
    None,
    /// A running writer has the turn.
    Writer,
    /// The first waiting writer may take the turn.
    First(Option<G>),
}

struct Waiter {
    sharing: Sharing,
    woken: Condvar,
}

/// The right to write. When it is dropped, it goes to the next writer.
pub(super) struct Turn<'a, G> {
    queue: &'a Queue<G>,
    handed_over: bool,
}

impl<G> Queue<G> {
    pub(super) fn new(events: PoolEvents) -> Self {
        Self {
            state: Mutex::new(State {
                turn: Owner::None,
                waiting: VecDeque::new(),
            }),
            events,
        }
    }

    /// Waits for the turn, and for the group that the previous writer passes on. Blocks.
    pub(super) fn wait(
        &self,
        patience: Deadline,
        sharing: Sharing,
    ) -> Result<(Turn<'_, G>, Option<G>), Unavailable> {
        let arrived = Instant::now();
        let deadline = arrived + patience.left()?;
        let mut state = self.lock();
        let group = if matches!(state.turn, Owner::None) {
            state.turn = Owner::Writer;
            None
        } else {
            let waiter = Arc::new(Waiter {
                sharing,
                woken: Condvar::new(),
            });
            state.waiting.push_back(Arc::clone(&waiter));
            loop {
                if let Some(group) = state.claim(&waiter) {
                    break group;
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    state.waiting.retain(|other| !Arc::ptr_eq(other, &waiter));
                    self.events.timed_out();
                    return Err(Unavailable::InUse);
                }
                let woken = waiter.woken.wait_timeout(state, left);
                (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
            }
        };
        drop(state);
        self.events.handed_out(arrived.elapsed());
        let turn = Turn {
            queue: self,
            handed_over: false,
        };
        Ok((turn, group))
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    pub(super) fn lock(&self) -> MutexGuard<'_, State<G>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G> State<G> {
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Gives the turn to a waiter if it is the first one and the turn is free.
    #[expect(
        clippy::option_option,
        reason = "the outer option is the turn, the inner one its group"
    )]
    fn claim(&mut self, waiter: &Arc<Waiter>) -> Option<Option<G>> {
        let first = self.waiting.front();
        if !first.is_some_and(|first| Arc::ptr_eq(first, waiter)) {
            return None;
        }
        match std::mem::replace(&mut self.turn, Owner::Writer) {
            Owner::First(group) => {
                self.waiting.pop_front();
                Some(group)
            }
            other @ (Owner::None | Owner::Writer) => {
                self.turn = other;
                None
            }
        }
    }
}

impl<G> Turn<'_, G> {
    /// Passes the turn and the group to the next writer if it shares; otherwise returns both.
    pub(super) fn hand_over(mut self, group: G) -> Option<(Self, G)> {
        let mut state = self.queue.lock();
        let next = state.waiting.front().cloned();
        match next.filter(|next| next.sharing == Sharing::Shared) {
            None => {
                drop(state);
                Some((self, group))
            }
            Some(next) => {
                state.turn = Owner::First(Some(group));
                drop(state);
                next.woken.notify_one();
                self.handed_over = true;
                None
            }
        }
    }
}

impl<G> Drop for Turn<'_, G> {
    fn drop(&mut self) {
        if self.handed_over {
            return;
        }
        let mut state = self.queue.lock();
        let next = state.waiting.front().cloned();
        state.turn = match next {
            Some(_) => Owner::First(None),
            None => Owner::None,
        };
        drop(state);
        if let Some(next) = next {
            next.woken.notify_one();
        }
    }
}
