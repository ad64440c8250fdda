//! Weak hashes are wrapped in bcrypt when they are imported.

use bcrypt_lanes::bcrypt;

use super::format::HashParams;
use super::prehash::hmac;
use crate::auth::HashError;
use crate::domain::{BcryptCost, HashedPassword, Prehash, WeakHash};

/// Wraps weak hashes in bcrypt, four at once on this thread. Blocks for about a tenth of a second
/// per hash at cost 12.
///
/// # Errors
/// [`HashError`] if the operating system returns no random bytes.
pub fn wrap_weak_hashes(
    hashes: &[WeakHash],
    cost: BcryptCost,
) -> Result<Vec<HashedPassword>, HashError> {
    let mut wrapped = Vec::with_capacity(hashes.len());
    let mut groups = hashes.chunks_exact(4);
    for group in &mut groups {
        if let [one, two, three, four] = group {
            wrapped.extend(wrap([one, two, three, four], cost)?);
        }
    }
    for hash in groups.remainder() {
        wrapped.extend(wrap([hash], cost)?);
    }
    Ok(wrapped)
}

fn wrap<const N: usize>(
    hashes: [&WeakHash; N],
    cost: BcryptCost,
) -> Result<Vec<HashedPassword>, HashError> {
    let (mut all_params, mut inputs) = (Vec::with_capacity(N), Vec::with_capacity(N));
    for hash in hashes {
        let prehash = Prehash::Weak {
            scheme: hash.scheme(),
            salt: hash.salt().to_owned(),
        };
        let params = HashParams::with_salt(prehash, cost)?;
        inputs.push(params.input_of(&hmac(hash.digest())?)?);
        all_params.push(params);
    }
    let inputs: [_; N] = inputs.try_into().or(Err(HashError::NoAnswer))?;
    let digests = bcrypt(&inputs);
    let stored = all_params.iter().zip(&digests);
    stored
        .map(|(params, digest)| params.stored(digest))
        .collect()
}
