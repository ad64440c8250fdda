//! Measures bcrypt hashes per second, in 1 to 6 lanes and with the `bcrypt` crate.
//!
//! Each is measured on one thread and on one thread per core, in turns. The last column is the
//! ratio to the crate.
//!
//! ```sh
//! cargo bench --bench lanes              # cost 10
//! cargo bench --bench lanes -- 12 9      # cost, rounds
//! ```

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use bcrypt_lanes::{Input, Lanes};

const PASSWORD: &[u8] = b"correct horse battery staple\0";
const SALT: [u8; 16] = *b"sixteen bytes...";

/// Computes hashes at a cost, and returns how many.
type Subject = fn(u32) -> u32;

const SUBJECTS: [(&str, Subject); 7] = [
    ("bcrypt crate", by_the_crate),
    ("1 lane", in_lanes::<1>),
    ("2 lanes", in_lanes::<2>),
    ("3 lanes", in_lanes::<3>),
    ("4 lanes", in_lanes::<4>),
    ("5 lanes", in_lanes::<5>),
    ("6 lanes", in_lanes::<6>),
];

fn by_the_crate(cost: u32) -> u32 {
    black_box(::bcrypt::bcrypt(cost, SALT, black_box(PASSWORD)));
    1
}

fn in_lanes<const N: usize>(cost: u32) -> u32 {
    let mut lanes = Lanes::<(), N>::new();
    let Some(input) = Input::new(black_box(PASSWORD), SALT, cost) else {
        return 0;
    };
    while lanes.begin(&input, ()).is_ok() {}
    while lanes.advance(u64::MAX) > 0 {}
    let finished = std::iter::from_fn(|| lanes.take_finished());
    finished.map(black_box).map(|_| 1).sum()
}

/// Hashes per second, of all threads together.
fn measure(subject: Subject, threads: usize, cost: u32) -> f64 {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let begin = Instant::now();
                    let hashes: u32 = (0..4).map(|_| subject(cost)).sum();
                    f64::from(hashes) / begin.elapsed().as_secs_f64()
                })
            })
            .collect();
        let rates = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(f64::NAN));
        rates.sum()
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let cost = numbers.next().unwrap_or(10);
    let rounds = numbers.next().unwrap_or(5);
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    println!("bcrypt at cost {cost}: hashes per second, medians of {rounds} rounds");
    for threads in [1, cores] {
        let mut rates = SUBJECTS.map(|_| Vec::new());
        for _ in 0..rounds {
            for (rates, (_, subject)) in rates.iter_mut().zip(SUBJECTS) {
                rates.push(measure(subject, threads, cost));
            }
        }
        let rates = rates.map(median);
        let [of_the_crate, ..] = rates;
        for ((name, _), rate) in SUBJECTS.iter().zip(rates) {
            let ratio = rate / of_the_crate;
            println!("{threads} threads  {name:<12}  {rate:7.2}/s  x{ratio:.2}");
        }
    }
}
