//! Limits how many requests use the database at once. Subnets are served in rotation, so that
//! a flood from one subnet delays only itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::IpPrefix;

type Queue = VecDeque<oneshot::Sender<ConcurrencyPermit>>;

/// A number of permits, and a queue of requests for each subnet.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit(Arc<Mutex<State>>);

/// The right to use the database. Dropping it passes it to the next request.
pub(crate) struct ConcurrencyPermit(Option<ConcurrencyLimit>);

#[derive(Default)]
struct State {
    free: usize,
    /// The waiting requests of each subnet.
    queues: HashMap<IpPrefix, Queue>,
    /// The subnets with waiting requests, the next one first.
    rotation: VecDeque<IpPrefix>,
    /// Requests without a subnet, such as those with a session. They get every second permit.
    others: Queue,
    others_next: bool,
}

impl ConcurrencyLimit {
    pub(crate) fn new(count: usize) -> Self {
        let state = State {
            free: count,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for a permit in the queue of the subnet. None at shutdown.
    pub(crate) async fn acquire(&self, subnet: Option<IpPrefix>) -> Option<ConcurrencyPermit> {
        let permit = {
            let mut state = self.lock();
            if let Some(free) = state.free.checked_sub(1) {
                state.free = free;
                return Some(ConcurrencyPermit(Some(self.clone())));
            }
            let (sender, permit) = oneshot::channel();
            state.push(subnet, sender);
            permit
        };
        permit.await.ok()
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConcurrencyPermit {
    /// Gives the permit to the next request that still waits; without one it is free again.
    fn drop(&mut self) {
        let Some(limit) = self.0.take() else {
            return;
        };
        loop {
            let mut state = limit.lock();
            let Some(next) = state.next() else {
                state.free += 1;
                return;
            };
            drop(state);
            match next.send(Self(Some(limit.clone()))) {
                Ok(()) => return,
                // That request was cancelled: the drop of its permit must not pass it on.
                Err(mut permit) => permit.0 = None,
            }
        }
    }
}

impl State {
    fn push(&mut self, subnet: Option<IpPrefix>, request: oneshot::Sender<ConcurrencyPermit>) {
        let Some(subnet) = subnet else {
            self.others.push_back(request);
            return;
        };
        let queue = self.queues.entry(subnet).or_default();
        if queue.is_empty() {
            self.rotation.push_back(subnet);
        }
        queue.push_back(request);
    }

    fn next(&mut self) -> Option<oneshot::Sender<ConcurrencyPermit>> {
        self.others_next = !self.others_next;
        if self.others_next {
            self.others.pop_front().or_else(|| self.next_of_subnets())
        } else {
            self.next_of_subnets().or_else(|| self.others.pop_front())
        }
    }

    fn next_of_subnets(&mut self) -> Option<oneshot::Sender<ConcurrencyPermit>> {
        let subnet = self.rotation.pop_front()?;
        let queue = self.queues.get_mut(&subnet)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&subnet);
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
    use crate::domain::ClientIp;

    fn subnet(number: u8) -> IpPrefix {
        let address = Ipv4Addr::new(10, 0, number, 1);
        ClientIp::new(address.into()).subnet()
    }

    /// The order in which waiting requests get the only permit.
    fn order(waiting: &[(&'static str, Option<IpPrefix>)]) -> Vec<&'static str> {
        let limit = ConcurrencyLimit::new(1);
        let mut permit = limit.acquire(None).now_or_never().unwrap();
        let mut requests: Vec<_> = waiting
            .iter()
            .map(|(name, subnet)| {
                let mut request = Box::pin(limit.acquire(*subnet));
                assert!(request.as_mut().now_or_never().is_none());
                (*name, request)
            })
            .collect();
        let mut order = Vec::new();
        while !requests.is_empty() {
            drop(permit.take());
            requests.retain_mut(|(name, request)| {
                let Some(taken) = request.as_mut().now_or_never() else {
                    return true;
                };
                permit = taken;
                order.push(*name);
                false
            });
        }
        order
    }

    #[test]
    fn a_flood_from_one_subnet_delays_only_itself() {
        let flood = ("flood", Some(subnet(1)));
        let waiting = [
            flood,
            flood,
            flood,
            flood,
            ("owner", Some(subnet(2))),
            flood,
        ];
        let expected = ["flood", "owner", "flood", "flood", "flood", "flood"];
        assert_eq!(order(&waiting), expected);
    }

    #[test]
    fn requests_without_a_subnet_get_every_second_permit() {
        let subnets = [1, 2, 3, 4].map(|number| ("login", Some(subnet(number))));
        let waiting = [subnets.as_slice(), &[("profile", None), ("profile", None)]].concat();
        let expected = ["profile", "login", "profile", "login", "login", "login"];
        assert_eq!(order(&waiting), expected);
    }

    #[test]
    fn a_cancelled_request_keeps_no_permit() {
        let limit = ConcurrencyLimit::new(1);
        let acquire = || limit.acquire(Some(subnet(1))).now_or_never();
        for _ in 0..3 {
            let permit = acquire();
            let mut waiting: Vec<_> = (0..4)
                .map(|_| Box::pin(limit.acquire(Some(subnet(1)))))
                .collect();
            for request in &mut waiting {
                assert!(request.as_mut().now_or_never().is_none());
            }
            // Two are cancelled before they get the permit, one when it has it and was not polled.
            drop((waiting.remove(0), waiting.remove(1)));
            drop(permit);
            drop(waiting);
        }
        assert!(acquire().is_some());
        assert_eq!(limit.lock().free, 1);
    }
}
