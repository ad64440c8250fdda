//! bcrypt in lanes, against the published vectors and against the `bcrypt` crate.

use std::str::FromStr;

use base64::Engine;
use bcrypt::{BASE_64, HashParts};
use bcrypt_lanes::{Digest, Input, Lanes, bcrypt};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// The digest by the `bcrypt` crate, for comparison.
fn crates(password: &[u8], salt: [u8; 16], cost: u32) -> Digest {
    let mut key: Vec<u8> = password.iter().copied().chain([0]).collect();
    key.truncate(72);
    let [digest @ .., _] = bcrypt::bcrypt(cost, salt, &key);
    digest.into()
}

fn input(password: &[u8], salt: [u8; 16], cost: u32) -> Input {
    Input::new(password, salt, cost).unwrap()
}

fn ours(password: &[u8], salt: [u8; 16], cost: u32) -> Digest {
    let [digest] = bcrypt(&[input(password, salt, cost)]);
    digest
}

/// Whether a stored hash is the one of a password.
fn verifies(password: &[u8], stored: &str) -> bool {
    let parts = HashParts::from_str(stored).unwrap();
    let digest = ours(password, parts.get_salt_raw(), parts.get_cost());
    stored.ends_with(&BASE_64.encode(digest.as_bytes()))
}

/// From jBCrypt's tests and from those of Openwall's `crypt_blowfish`.
const PUBLISHED: [(&[u8], &str); 15] = [
    (b"", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    (b"a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    (b"abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
    (b"abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
    (b"~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO"),
    (b"", "$2a$08$HqWuK6/Ng6sg9gQzbLrgb.Tl.ZHfXLhvt/SgVyWhQqgqcZ7ZuUtye"),
    (b"abc", "$2a$08$Ro0CUfOqk6cXEKf3dyaM7OhSCvnwM9s4wIX9JeLapehKK5YdLxKcm"),
    (b"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    (b"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    (b"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
    (b"\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xa3", "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
];

#[test]
fn the_published_vectors_are_met() {
    for (password, stored) in PUBLISHED {
        assert!(
            bcrypt::verify(password, stored).unwrap(),
            "a vector is mistyped: {stored}"
        );
        assert!(verifies(password, stored), "{stored}");
    }
}

#[test]
fn passwords_count_up_to_72_bytes_at_every_length() {
    let salt = *b"sixteen bytes...";
    let long: Vec<u8> = (1..=80).collect();
    let mut before = None;
    for length in 0..=long.len() {
        let password = &long[..length];
        let digest = ours(password, salt, 4);
        assert_eq!(digest, crates(password, salt, 4), "{length} bytes");
        let changed = before.replace(digest.clone()) != Some(digest);
        assert_eq!(changed, length <= 72, "{length} bytes");
    }
}

#[test]
fn every_value_of_a_byte_counts() {
    let salt = [0xa5; 16];
    let digests: Vec<_> = (0..=255_u8)
        .map(|byte| {
            let password = [b'p', byte, byte, b'w'];
            let digest = ours(&password, salt, 4);
            assert_eq!(digest, crates(&password, salt, 4), "byte {byte:#04x}");
            *digest.as_bytes()
        })
        .collect();
    let distinct: std::collections::HashSet<_> = digests.iter().collect();
    assert_eq!(distinct.len(), 256);
}

#[test]
fn a_cost_that_bcrypt_does_not_have_is_refused() {
    for cost in [0, 3, 32, u32::MAX] {
        assert!(Input::new(b"password", [0; 16], cost).is_none(), "{cost}");
    }
    assert!(Input::new(b"password", [0; 16], 31).is_some());
}

#[test]
fn lanes_return_each_digest_with_its_job() {
    let mut lanes = Lanes::<&str, 2>::new();
    let inputs = [b"one".as_slice(), b"two", b"three"].map(|word| input(word, [1; 16], 4));
    lanes.begin(&inputs[0], "one").unwrap();
    lanes.begin(&inputs[1], "two").unwrap();
    assert_eq!(lanes.begin(&inputs[2], "three"), Err("three"));
    assert!(lanes.take_finished().is_none(), "nothing is computed yet");
    assert_eq!(lanes.advance(100), 16, "which is where both end");
    let mut taken = [
        lanes.take_finished().unwrap(),
        lanes.take_finished().unwrap(),
    ];
    taken.sort_by_key(|(name, _)| *name);
    for (name, digest) in taken {
        assert_eq!(digest, crates(name.as_bytes(), [1; 16], 4));
    }
    assert_eq!((lanes.idle(), lanes.advance(100)), (2, 0));
}

#[test]
fn cancelled_hash_frees_its_lane_and_harms_no_other() {
    let mut lanes = Lanes::<u8, 4>::new();
    for name in 0..4 {
        lanes.begin(&input(&[name], [2; 16], 5), name).unwrap();
    }
    lanes.advance(7);
    lanes.retain(|name| name % 2 == 1);
    assert_eq!(lanes.idle(), 2);
    lanes.begin(&input(&[9], [2; 16], 4), 9).unwrap();
    let mut finished = Vec::new();
    while lanes.advance(5) > 0 {
        while let Some((name, digest)) = lanes.take_finished() {
            let cost = if name == 9 { 4 } else { 5 };
            assert_eq!(digest, crates(&[name], [2; 16], cost), "{name}");
            finished.push(name);
        }
    }
    assert_eq!(
        finished,
        [9, 3, 1],
        "the ones that ended first, then from the first lane on"
    );
}

#[test]
fn r64_a_digest_is_not_shown_by_accident() {
    let digest = ours(b"password", [0; 16], 4);
    assert_eq!(format!("{digest:?}"), "Digest(..)");
    assert_eq!(
        format!("{:?}", input(b"password", [0; 16], 4)),
        "Input { rounds: 16, .. }"
    );
}

#[derive(Debug, Clone)]
struct Job {
    password: Vec<u8>,
    salt: [u8; 16],
    cost: u32,
    /// How many rounds the lanes go on before this one joins them.
    joins_after: u64,
}

fn job() -> impl Strategy<Value = Job> {
    let password = prop::collection::vec(any::<u8>(), 0..=73);
    (password, any::<[u8; 16]>(), 4..=6_u32, 0..40_u64).prop_map(
        |(password, salt, cost, joins_after)| Job {
            password,
            salt,
            cost,
            joins_after,
        },
    )
}

/// Runs jobs through lanes, each joining as soon as it may and there is room for it.
fn run<const N: usize>(jobs: &[Job]) -> Vec<(usize, Digest)> {
    let mut lanes = Lanes::<usize, N>::new();
    let mut finished = Vec::new();
    let mut advance = |lanes: &mut Lanes<usize, N>, rounds| {
        lanes.advance(rounds);
        finished.extend(std::iter::from_fn(|| lanes.take_finished()));
    };
    for (number, job) in jobs.iter().enumerate() {
        advance(&mut lanes, job.joins_after);
        while lanes.idle() == 0 {
            advance(&mut lanes, u64::MAX);
        }
        let input = input(&job.password, job.salt, job.cost);
        lanes.begin(&input, number).unwrap();
    }
    while lanes.idle() < N {
        advance(&mut lanes, u64::MAX);
    }
    finished
}

/// Compares cases of up to 12 hashes with the crate.
fn compare(cases: u32) {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let strategy = (prop::collection::vec(job(), 1..=12), 1..=4);
    let outcome = runner.run(&strategy, |(jobs, lanes)| {
        let finished = match lanes {
            1 => run::<1>(&jobs),
            2 => run::<2>(&jobs),
            3 => run::<3>(&jobs),
            _ => run::<4>(&jobs),
        };
        prop_assert_eq!(finished.len(), jobs.len());
        for (number, digest) in finished {
            let job = &jobs[number];
            prop_assert_eq!(
                digest,
                crates(&job.password, job.salt, job.cost),
                "{:?}",
                job
            );
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn lanes_filled_in_any_way_compute_what_the_crate_computes() {
    compare(40);
}

/// More than two thousand hashes.
#[test]
#[ignore = "long"]
fn lanes_compute_two_thousand_hashes_as_the_crate_does() {
    compare(400);
}
