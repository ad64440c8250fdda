//! The authenticator data: what an authenticator signs (section 6.1).

use super::cbor::{Map, NoMap};
use super::{CREDENTIAL_ID_MAX, PublicKey, RelyingParty, UserVerification, VerifyError};

/// Bits of the flags.
const USER_PRESENT: u8 = 1 << 0;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// The bytes of the identifier of a kind of authenticators.
const AAGUID_LENGTH: usize = 16;

/// The authenticator data, parsed.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    pub(super) sign_count: u32,
    /// Only in a registration.
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// The credential of a registration.
#[derive(Debug)]
pub(super) struct AttestedCredential<'a> {
    pub(super) id: &'a [u8],
    /// The public key, as COSE has it.
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Parses all of the bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        Self::read(bytes).ok_or(VerifyError::AuthenticatorData)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (&[flags], rest) = rest.split_first_chunk()?;
        let (&sign_count, mut rest) = rest.split_first_chunk()?;
        let credential = if flags & HAS_CREDENTIAL == 0 {
            None
        } else {
            Some(AttestedCredential::read(&mut rest)?)
        };
        if flags & HAS_EXTENSIONS != 0 {
            Map::read(&mut rest).ok()?;
        }
        rest.is_empty().then_some(Self {
            rp_id_hash,
            flags,
            sign_count: u32::from_be_bytes(sign_count),
            credential,
        })
    }

    /// Checks that it was made for the relying party, with a user present, and verified where
    /// that is required; and that the backup flags are consistent.
    pub(super) fn check(
        &self,
        party: &RelyingParty,
        verification: UserVerification,
    ) -> Result<(), VerifyError> {
        if self.rp_id_hash != party.hash() {
            return Err(VerifyError::RelyingParty);
        }
        if !self.has(USER_PRESENT) {
            return Err(VerifyError::UserPresence);
        }
        if verification == UserVerification::Required && !self.is_user_verified() {
            return Err(VerifyError::UserVerification);
        }
        if self.is_backed_up() && !self.is_backup_eligible() {
            return Err(VerifyError::BackupState);
        }
        Ok(())
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn is_user_verified(&self) -> bool {
        self.has(USER_VERIFIED)
    }

    pub(super) fn is_backup_eligible(&self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    pub(super) fn is_backed_up(&self) -> bool {
        self.has(BACKED_UP)
    }
}

impl<'a> AttestedCredential<'a> {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        let (_, rest) = bytes.split_at_checked(AAGUID_LENGTH)?;
        let (&length, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(length));
        if length == 0 || length > CREDENTIAL_ID_MAX {
            return None;
        }
        let (id, rest) = rest.split_at_checked(length)?;
        let mut behind = rest;
        let map: Result<Map, NoMap> = Map::read(&mut behind);
        map.ok()?;
        let (public_key, _) = rest.split_at_checked(rest.len() - behind.len())?;
        (public_key.len() <= PublicKey::MAX_LENGTH).then_some(())?;
        *bytes = behind;
        Some(Self { id, public_key })
    }
}
