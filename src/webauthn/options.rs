//! What a browser gets to ask an authenticator: the JSON that `parseCreationOptionsFromJSON()` and
//! `parseRequestOptionsFromJSON()` take (section 5.1).

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use super::{CHALLENGE_LENGTH, PublicKey, RelyingParty, UserVerification};

/// How long a browser waits for its user, in milliseconds (section 15.1 recommends five to ten
/// minutes).
const TIMEOUT: u32 = 300_000;

/// The options of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    rp: PartyJson,
    user: UserJson,
    challenge: String,
    pub_key_cred_params: Vec<ParameterJson>,
    timeout: u32,
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: SelectionJson,
    attestation: &'static str,
}

/// The options of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    challenge: String,
    timeout: u32,
    rp_id: String,
    allow_credentials: Vec<Descriptor>,
    user_verification: &'static str,
}

/// A credential, and how its authenticator can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    r#type: &'static str,
    id: String,
    transports: Vec<String>,
}

/// The user who registers a passkey.
#[derive(Debug, Clone, Copy)]
pub struct NewUser<'a> {
    /// What an authenticator knows the user by: random bytes, 64 at most.
    pub handle: &'a [u8],
    /// What people see in the list of their passkeys.
    pub name: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PartyJson {
    id: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct UserJson {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ParameterJson {
    r#type: &'static str,
    alg: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct SelectionJson {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

impl Descriptor {
    /// Describes a credential by its id.
    #[must_use]
    pub fn new(id: &[u8], transports: Vec<String>) -> Self {
        Self {
            r#type: "public-key",
            id: BASE64URL_NOPAD.encode(id),
            transports,
        }
    }
}

impl CreationOptions {
    /// The options of a registration. Authenticators that have one of `known` refuse.
    #[must_use]
    pub fn new(
        party: &RelyingParty,
        service: &str,
        user: NewUser<'_>,
        challenge: &[u8; CHALLENGE_LENGTH],
        known: Vec<Descriptor>,
    ) -> Self {
        let parameter = |alg| ParameterJson {
            r#type: "public-key",
            alg,
        };
        Self {
            rp: PartyJson {
                id: party.id().to_owned(),
                name: service.to_owned(),
            },
            user: UserJson {
                id: BASE64URL_NOPAD.encode(user.handle),
                name: user.name.to_owned(),
                display_name: user.name.to_owned(),
            },
            challenge: BASE64URL_NOPAD.encode(challenge),
            pub_key_cred_params: PublicKey::ALGORITHMS.map(parameter).into(),
            timeout: TIMEOUT,
            exclude_credentials: known,
            authenticator_selection: SelectionJson {
                resident_key: "preferred",
                require_resident_key: false,
                user_verification: "preferred",
            },
            attestation: "none",
        }
    }
}

impl RequestOptions {
    /// The options of a login, with one of the allowed credentials, or with any that the
    /// authenticator has for the relying party.
    #[must_use]
    pub fn new(
        party: &RelyingParty,
        challenge: &[u8; CHALLENGE_LENGTH],
        allowed: Vec<Descriptor>,
        verification: UserVerification,
    ) -> Self {
        Self {
            challenge: BASE64URL_NOPAD.encode(challenge),
            timeout: TIMEOUT,
            rp_id: party.id().to_owned(),
            allow_credentials: allowed,
            user_verification: match verification {
                UserVerification::Required => "required",
                UserVerification::Preferred => "preferred",
            },
        }
    }
}
