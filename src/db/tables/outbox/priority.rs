//! Priorities of mails: the order of sending, and how many may wait.

use diesel::prelude::*;

use crate::db::DbError;
use crate::db::connection::AnyConnection;
use crate::db::schema::{account_dates, known_clients, outbox, users, verified_emails};
use crate::domain::{Timestamp, UserId};

/// The priority of a mail. Each priority has its own limit of queued mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPriority {
    /// A mail to a verified address, or requested by a known client.
    Known,
    /// A mail to any other account.
    Unproved,
    /// A decoy, which is never sent.
    Decoy,
}

impl MailPriority {
    /// All priorities, the highest first.
    pub(in crate::db) const ALL: [Self; 3] = [Self::Known, Self::Unproved, Self::Decoy];

    /// Whether this priority is at least as high as another.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        self.get() <= other.get()
    }

    pub(in crate::db) fn get(self) -> i64 {
        match self {
            Self::Known => 0,
            Self::Unproved => 1,
            Self::Decoy => 2,
        }
    }

    pub(in crate::db) fn from_stored(priority: i64) -> Self {
        match priority {
            i64::MIN..=0 => Self::Known,
            1 => Self::Unproved,
            2..=i64::MAX => Self::Decoy,
        }
    }

    /// How many mails of this priority may wait.
    pub(in crate::db) fn room(self) -> i64 {
        match self {
            Self::Known => 20_000,
            Self::Unproved => 5_000,
            Self::Decoy => 1_000,
        }
    }
}

/// The priority of a mail to a user, requested by a client with these marks. Runs the same
/// statements if there is no user. A disabled user gets no mail, as if there were none.
pub(in crate::db) fn priority_of(
    conn: &mut AnyConnection,
    user_id: Option<UserId>,
    marks: &[String],
    now: Timestamp,
) -> Result<MailPriority, DbError> {
    let id = user_id.map_or(0, UserId::get);
    let user: Option<(Option<i64>, Option<i64>)> = users::table
        .left_join(verified_emails::table)
        .left_join(account_dates::table)
        .filter(users::id.eq(id))
        .select((
            verified_emails::user_id.nullable(),
            account_dates::disabled_at.nullable(),
        ))
        .get_result(conn)
        .optional()?;
    let (proved, disabled_at) = user.unwrap_or_default();
    let known: Option<i64> = if marks.is_empty() {
        None
    } else {
        known_clients::table
            .filter(known_clients::user_id.eq(id))
            .filter(known_clients::mark.eq_any(marks))
            .filter(known_clients::expires_at.gt(now.seconds()))
            .select(known_clients::user_id)
            .limit(1)
            .get_result(conn)
            .optional()?
    };
    Ok(if user_id.is_none() || disabled_at.is_some() {
        MailPriority::Decoy
    } else if proved.or(known).is_some() {
        MailPriority::Known
    } else {
        MailPriority::Unproved
    })
}

/// The last mail within the limit of its priority; none if there is room for another one.
pub(in crate::db) fn last_in_room(
    conn: &mut AnyConnection,
    priority: MailPriority,
) -> Result<Option<i64>, DbError> {
    Ok(outbox::table
        .filter(outbox::priority.eq(priority.get()))
        .order((outbox::due_at, outbox::id))
        .select(outbox::id)
        .offset(priority.room() - 1)
        .limit(1)
        .get_result(conn)
        .optional()?)
}
