//! The body of the fuzz target `stored_hash`. It panics if a rule is broken.

use super::password::format::StoredHash;
use crate::domain::HashedPassword;

/// Checks that a stored hash that can be parsed is the same after it is written and parsed again.
pub fn stored_hash(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(stored) = StoredHash::read(&HashedPassword::from_stored(text)) else {
        return;
    };
    assert!((4..=31).contains(&stored.params.cost));
    let written = stored.params.stored(&stored.digest);
    let again = written.ok().as_ref().and_then(StoredHash::read);
    let same = again.is_some_and(|again| {
        let (one, other) = (
            again.params.stored(&again.digest),
            stored.params.stored(&stored.digest),
        );
        one.ok() == other.ok() && again.params.cost == stored.params.cost
    });
    assert!(same, "the written hash is parsed differently");
}
