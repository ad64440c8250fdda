//! Audit events as rows of the audit table.

use serde::{Deserialize, Serialize};

use super::{Timestamp, UserId};

/// After how many days audit events are removed, by default.
pub const RETENTION_DAYS: u32 = 365;

/// The name of the event after which the rows of a user have no content any more.
pub const USER_DELETED: &str = "user_deleted";

/// The cause of an event: a client, a person, or the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A client of the service: the owner of the account, or a client that claims to be.
    Client,
    /// An operator, by a command.
    Operator,
    /// Another user, who is an administrator.
    Administrator(UserId),
    /// The service by itself, or the library.
    Service,
}

impl Actor {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Operator => "operator",
            Self::Administrator(_) => "administrator",
            Self::Service => "service",
        }
    }

    /// The administrator, if it is one.
    #[must_use]
    pub const fn user_id(self) -> Option<UserId> {
        match self {
            Self::Administrator(user) => Some(user),
            Self::Client | Self::Operator | Self::Service => None,
        }
    }
}

/// What is erased when the user is deleted: how the event ended, from where it came, and its
/// particulars. Stored as JSON, without the fields that are not set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditDetails {
    /// `success`, `failure`, or `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why it failed, or what it was exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The address of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The first digits of the session's digest, as in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The kind of a mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// How many items there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How many events like this one the row stands for, which have no row of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<u64>,
    /// The group that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The application that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The number of the operator's account on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_uid: Option<u32>,
    /// The id of the request, as in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl AuditDetails {
    /// The stored form.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serializing texts and numbers cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An event that has no row yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEvent {
    /// When it happened.
    pub at: Timestamp,
    /// The name of the event, as in the log.
    pub event: &'static str,
    /// The user whom it concerns.
    pub user_id: Option<UserId>,
    /// The name of the actor that caused it.
    pub actor: Actor,
    /// Everything else.
    pub details: AuditDetails,
}

impl NewAuditEvent {
    /// The deletion of a user. It has no address and no client, since they would stay.
    #[must_use]
    pub fn deletion(user_id: UserId, actor: Actor, at: Timestamp) -> Self {
        Self {
            at,
            event: USER_DELETED,
            user_id: Some(user_id),
            actor,
            details: AuditDetails {
                outcome: Some("success".to_owned()),
                ..AuditDetails::default()
            },
        }
    }
}

/// A row of the audit table, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its position in the chain: 1, 2, 3, ...
    pub position: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The name of the event, as in the log.
    pub event: String,
    /// The user whom it concerns.
    pub user_id: Option<UserId>,
    /// The name of the [`Actor`] that caused it.
    pub actor: String,
    /// The administrator who caused it.
    pub actor_id: Option<UserId>,
    /// Everything else; none if it was erased with the user.
    pub details: Option<AuditDetails>,
}
