//! Tests of the hashing threads and their queue.

use std::pin::Pin;
use std::sync::mpsc;
use std::thread;

use bcrypt_lanes::{Digest, Input, bcrypt as bcrypt_now};
use tokio::sync::oneshot;

use super::*;
use crate::auth::HashError;
use crate::domain::{ClientIp, IpPrefix, NormalizedEmail};

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A job that computes nothing.
fn call<T: 'static>(job: impl FnOnce() -> T + Send + 'static) -> impl FnOnce(Lane) -> Work<T> {
    |_| Box::pin(async move { job() })
}

fn input(cost: u32) -> Input {
    Input::new(b"password", [0; 16], cost).unwrap()
}

/// A bcrypt that sends a message when it begins.
fn bcrypt_job(cost: u32, begun: mpsc::Sender<()>) -> impl FnOnce(Lane) -> Work<Digest> {
    move |lane| {
        Box::pin(async move {
            begun.send(()).unwrap();
            *lane.compute(input(cost)).await
        })
    }
}

/// A cost with which a bcrypt takes about an hour.
const FOR_EVER: u32 = 26;

fn one_thread(queue: usize, deadline: Duration) -> Hasher {
    Hasher::start(HasherSettings {
        threads: NonZeroUsize::MIN,
        queue,
        deadline,
    })
    .unwrap()
}

fn patient() -> Hasher {
    one_thread(100, Duration::MAX)
}

/// A job that was submitted, with its permit.
struct Receipt<T> {
    answer: oneshot::Receiver<T>,
    _permit: HashPermit,
}

impl<T> Receipt<T> {
    fn block(self) -> Result<T, HashError> {
        self.answer.blocking_recv().or(Err(HashError::NoAnswer))
    }
}

fn submit_with<T: Send + 'static>(
    mut permit: HashPermit,
    rounds: u64,
    job: impl FnOnce(Lane) -> Work<T>,
) -> Receipt<T> {
    Receipt {
        answer: permit.submit(rounds, job),
        _permit: permit,
    }
}

fn submit<T: Send + 'static>(hasher: &Hasher, job: impl FnOnce(Lane) -> Work<T>) -> Receipt<T> {
    submit_with(acquire(hasher).unwrap(), 1, job)
}

fn acquire(hasher: &Hasher) -> Result<HashPermit, AuthError> {
    hasher.queue.acquire_permit(1, Requester::Unlimited)
}

/// Submits a bcrypt and waits until it has begun.
fn bcrypt(hasher: &Hasher, cost: u32) -> Receipt<Digest> {
    let (begun, has_begun) = mpsc::channel();
    let receipt = submit_with(acquire(hasher).unwrap(), 1 << cost, bcrypt_job(cost, begun));
    has_begun.recv().unwrap();
    receipt
}

/// Keeps the only thread busy until the sender is dropped.
fn occupy(hasher: &Hasher) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, begun) = mpsc::channel();
    let job = move || {
        started.send(()).unwrap();
        assert!(released.recv().is_err(), "the other end is dropped");
    };
    hasher
        .queue
        .acquire_permit(1, Requester::Unlimited)
        .unwrap()
        .run_detached(1, call(job));
    begun.recv().unwrap();
    release
}

#[test]
fn jobs_begin_in_order_of_arrival() {
    let hasher = patient();
    let release = occupy(&hasher);
    let (sender, done) = mpsc::channel();
    let receipts: Vec<_> = (0..10)
        .map(|number| {
            let sender = sender.clone();
            submit(&hasher, call(move || sender.send(number).unwrap()))
        })
        .collect();
    drop(release);
    for receipt in receipts {
        receipt.block().unwrap();
    }
    let order: Vec<_> = done.try_iter().collect();
    assert_eq!(order, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_new_job_joins_the_hashes_that_are_running() {
    let hasher = patient();
    let _first = bcrypt(&hasher, FOR_EVER);
    let [expected] = bcrypt_now(&[input(4)]);
    for _ in 0..10 {
        assert_eq!(bcrypt(&hasher, 4).block().unwrap(), expected);
    }
}

#[test]
fn r23_a_full_queue_refuses_until_a_permit_is_dropped() {
    let hasher = one_thread(2, Duration::MAX);
    let mut places: Vec<_> = (0..2 + LANES)
        .map(|_| {
            hasher
                .queue
                .acquire_permit(1, Requester::Unlimited)
                .unwrap()
        })
        .collect();
    let refused = |hasher: &Hasher| {
        let place = hasher.queue.acquire_permit(1, Requester::Unlimited);
        matches!(place, Err(AuthError::Overloaded { .. }))
    };
    assert!(refused(&hasher));
    drop(places.pop());
    assert!(!refused(&hasher));
    drop(submit_with(places.pop().unwrap(), 1, call(|| ())));
    let in_the_other = hasher
        .queue
        .acquire_permit(1, Requester::Unlimited)
        .unwrap();
    submit_with(in_the_other, 1, call(|| ())).block().unwrap();
    assert!(!refused(&hasher), "the served client has left");
}

fn network(number: u8) -> IpPrefix {
    let address = std::net::Ipv4Addr::new(192, 0, 2, number);
    ClientIp::new(address.into()).network()
}

/// A client that an account of its own knows.
fn known(account: u8, network: Option<IpPrefix>) -> Requester {
    let account = NormalizedEmail::canonical(&format!("{account}@x.org"));
    Requester::Known { network, account }
}

#[test]
fn r23_a_quarter_of_permits_is_for_known_clients() {
    let hasher = one_thread(36, Duration::MAX);
    let take = |whose: Requester| hasher.queue.acquire_permit(1, whose);
    let strangers: Vec<_> = (0..30)
        .map(|number| take(Requester::Stranger(Some(network(number)))).unwrap())
        .collect();
    assert!(take(Requester::Stranger(Some(network(99)))).is_err());
    assert!(hasher.queue.keeps_permits());
    let _known: Vec<_> = (0..10)
        .map(|number| take(known(number, Some(network(number)))).unwrap())
        .collect();
    assert!(take(known(99, Some(network(99)))).is_err());
    assert!(!hasher.queue.keeps_permits());
    drop(strangers);
    assert!(take(Requester::Stranger(Some(network(99)))).is_ok());
}

#[test]
fn r23_a_quarter_of_the_wait_is_for_known_clients() {
    let hasher = one_thread(100, Duration::from_secs(8));
    // Seven seconds of work at the assumed pace.
    let _work = hasher
        .queue
        .acquire_permit(280_000, Requester::Unlimited)
        .unwrap();
    assert!(
        hasher
            .queue
            .acquire_permit(1, Requester::Stranger(None))
            .is_err()
    );
    assert!(hasher.queue.acquire_permit(1, known(1, None)).is_ok());
}

#[test]
fn r23_an_account_gets_two_reserved_permits() {
    // 40 permits, of which 10 are reserved; 5 of those are for an account's first permit only.
    let hasher = one_thread(36, Duration::MAX);
    let take = |whose: Requester| hasher.queue.acquire_permit(1, whose);
    let _strangers: Vec<_> = (0..30)
        .map(|number| take(Requester::Stranger(Some(network(number)))).unwrap())
        .collect();
    let mut held: Vec<_> = [1, 1]
        .map(|account| take(known(account, Some(network(account)))).unwrap())
        .into();
    assert!(take(known(1, Some(network(101)))).is_err(), "a third one");
    held.push(take(known(2, None)).unwrap());
    held.push(take(known(3, None)).unwrap());
    held.push(take(known(4, None)).unwrap());
    assert!(
        take(known(4, None)).is_err(),
        "the rest gets one permit only"
    );
    held.push(take(known(5, None)).unwrap());
    held.clear();
    held.push(take(known(1, None)).unwrap());
    held.push(take(known(1, None)).unwrap());
}

#[test]
fn r23_one_address_holds_a_quarter_of_the_wait() {
    let hasher = one_thread(100, Duration::from_secs(8));
    let take = |whose: Requester| hasher.queue.acquire_permit(40_000, whose);
    // A second each at the assumed pace.
    let address = || Requester::Stranger(Some(network(1)));
    let first = take(address()).unwrap();
    let _second = take(address()).unwrap();
    assert!(take(address()).is_err());
    assert!(take(known(1, Some(network(1)))).is_err());
    assert!(take(Requester::Stranger(Some(network(2)))).is_ok());
    drop(first);
    assert!(take(address()).is_ok());
}

#[test]
fn r23_one_address_holds_at_most_a_quarter_of_permits() {
    let hasher = one_thread(36, Duration::MAX);
    let take = |whose: Requester| hasher.queue.acquire_permit(1, whose);
    let mut held: Vec<_> = (0..10)
        .map(|_| take(Requester::Stranger(Some(network(1)))).unwrap())
        .collect();
    assert!(take(Requester::Stranger(Some(network(1)))).is_err());
    assert!(take(known(1, Some(network(1)))).is_err());
    assert!(take(Requester::Stranger(Some(network(2)))).is_ok());
    drop(held.pop());
    assert!(take(Requester::Stranger(Some(network(1)))).is_ok());
}

#[test]
fn r23_too_long_a_wait_is_refused_with_retry_after() {
    let hasher = one_thread(100, Duration::from_secs(5));
    // The queue is empty: it does not wait, however long it runs.
    let alone = hasher
        .queue
        .acquire_permit(1 << FOR_EVER, Requester::Unlimited)
        .unwrap();
    let refused = hasher
        .queue
        .acquire_permit(1, Requester::Unlimited)
        .unwrap_err();
    let minute = Duration::from_secs(60);
    assert!(matches!(refused, AuthError::Overloaded { retry_after } if retry_after > minute));
    drop(alone);
    hasher
        .queue
        .acquire_permit(1, Requester::Unlimited)
        .unwrap();
}

#[test]
fn a_submitted_job_counts_with_its_own_rounds() {
    let hasher = one_thread(100, Duration::from_secs(5));
    let place = hasher
        .queue
        .acquire_permit(1, Requester::Unlimited)
        .unwrap();
    hasher
        .queue
        .acquire_permit(1, Requester::Unlimited)
        .unwrap();
    let (begun, _has_begun) = mpsc::channel();
    let cost = FOR_EVER;
    let receipt = submit_with(place, 1 << cost, bcrypt_job(cost, begun));
    assert!(
        hasher
            .queue
            .acquire_permit(1, Requester::Unlimited)
            .is_err()
    );
    drop(receipt);
    hasher
        .queue
        .acquire_permit(1, Requester::Unlimited)
        .unwrap();
}

#[test]
fn a_cancelled_job_is_not_begun() {
    let hasher = patient();
    let release = occupy(&hasher);
    let (sender, computed) = mpsc::channel();
    drop(submit(&hasher, call(move || sender.send(()).unwrap())));
    let last = submit(&hasher, call(|| ()));
    drop(release);
    last.block().unwrap();
    assert!(computed.try_recv().is_err());
}

#[test]
fn a_cancelled_job_gives_up_its_lane() {
    let hasher = patient();
    let given_up: Vec<_> = (0..LANES).map(|_| bcrypt(&hasher, FOR_EVER)).collect();
    drop(given_up);
    bcrypt(&hasher, 4).block().unwrap();
}

#[test]
fn cancelled_jobs_do_not_pile_up_behind_busy_threads() {
    let hasher = one_thread(10, Duration::MAX);
    let _release = occupy(&hasher);
    for _ in 0..1000 {
        drop(submit(&hasher, call(|| ())));
    }
    assert!(hasher.queue.len() <= 11, "{}", hasher.queue.len());
}

#[test]
fn r78_a_panic_fails_a_threads_jobs_and_it_goes_on() {
    let hasher = patient();
    let beside = bcrypt(&hasher, FOR_EVER);
    let failed = submit(
        &hasher,
        call(|| assert!(std::hint::black_box(false), "on purpose")),
    );
    assert!(matches!(failed.block(), Err(HashError::NoAnswer)));
    assert!(matches!(beside.block(), Err(HashError::NoAnswer)));
    bcrypt(&hasher, 4).block().unwrap();
    assert_eq!(submit(&hasher, call(|| 7)).block().unwrap(), 7);
}

#[test]
fn shutdown_fails_all_jobs() {
    let hasher = patient();
    let computed = bcrypt(&hasher, FOR_EVER);
    let release = occupy(&hasher);
    let waiting = submit(&hasher, call(|| 1));
    let ending = thread::spawn(move || drop(hasher));
    assert!(matches!(waiting.block(), Err(HashError::NoAnswer)));
    drop(release);
    assert!(matches!(computed.block(), Err(HashError::NoAnswer)));
    ending.join().unwrap();
}
