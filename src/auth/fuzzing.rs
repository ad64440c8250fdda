//! Where fuzzing looks in: what reads stored passwords, which may have been adopted from
//! anywhere. Panics where a rule is broken.

use super::password::format::StoredHash;
use crate::domain::HashedPassword;

/// A stored password: what is understood and written anew is understood as the same.
pub fn stored_hash(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(stored) = StoredHash::read(&HashedPassword::from_stored(text)) else {
        return;
    };
    assert!((4..=31).contains(&stored.making.cost));
    let written = stored.making.stored(&stored.digest);
    let again = written.ok().as_ref().and_then(StoredHash::read);
    let same = again.is_some_and(|again| {
        let (one, other) = (
            again.making.stored(&again.digest),
            stored.making.stored(&stored.digest),
        );
        one.ok() == other.ok() && again.making.cost == stored.making.cost
    });
    assert!(same, "it is not read as it was written");
}
