//! The table `known_clients`: from where a user has logged in before.

use diesel::prelude::*;

use super::any_connection::AnyConnection;
use super::outbox::{BudgetedMail, queue_within};
use super::schema::{known_clients, users};
use super::throttle::{Counted, forget, give_back};
use super::{DB, DbError};
use crate::domain::{EmailKey, KnownClient, ThrottleKey, Timestamp, UserId};

/// How many clients of a user are known; the ones that were not there for the longest time
/// are forgotten. A program that keeps no cookies is a new device at each login.
const KNOWN_MAX: i64 = 32;

/// What a right login settles, together with the session that it opens.
#[derive(Debug, Clone, Default)]
pub struct Settlement {
    /// Guesses that are taken out of the count.
    pub give_back: Vec<Counted>,
    /// Counts that begin anew.
    pub forget: Vec<ThrottleKey>,
    /// What the client will be known by, and until when.
    pub known: Vec<(String, Timestamp)>,
    /// What the owner is told if the account knows other clients, but not this one.
    pub stranger: Option<BudgetedMail>,
}

impl Settlement {
    /// Whether there is nothing to settle.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.give_back.is_empty() && self.forget.is_empty() && self.known.is_empty()
    }
}

impl DB {
    /// Which of the marks are those of a client from which the account's owner has logged in.
    /// Blocks for one look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn known_marks(&self, email: &EmailKey, marks: &[&str]) -> Result<Vec<String>, DbError> {
        let now = self.settings.clock.now().seconds();
        self.read(|conn| {
            let user = users::table.filter(users::email_key.eq(email.as_str()));
            let user = user.select(users::id).single_value();
            known_clients::table
                .filter(known_clients::user_id.nullable().eq(user))
                .filter(known_clients::mark.eq_any(marks))
                .filter(known_clients::expires_at.gt(now))
                .select(known_clients::mark)
                .load(conn)
        })
    }

    /// Settles a right guess by itself. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn settle_guess(&self, user_id: UserId, settlement: &Settlement) -> Result<(), DbError> {
        self.write(|conn| self.settle(conn, user_id, settlement))
    }

    pub(super) fn settle(
        &self,
        conn: &mut AnyConnection,
        user_id: UserId,
        settlement: &Settlement,
    ) -> Result<(), DbError> {
        let Settlement {
            give_back: guesses,
            forget: keys,
            known,
            stranger,
        } = settlement;
        give_back(conn, guesses)?;
        if !keys.is_empty() {
            forget(conn, keys)?;
        }
        if let Some(mail) = stranger
            && knows_anybody(conn, user_id)?
        {
            queue_within(conn, Some(user_id), mail, self.settings.clock.now())?;
        }
        if !known.is_empty() {
            self.know(conn, user_id, known)?;
        }
        Ok(())
    }

    /// What an account knows its clients by. Blocks for one look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn marks_of(&self, user_id: UserId) -> Result<Vec<String>, DbError> {
        self.read(|conn| {
            known_clients::table
                .filter(known_clients::user_id.eq(user_id.get()))
                .select(known_clients::mark)
                .load(conn)
        })
    }

    /// All clients that an account knows, the last one to log in first. Blocks for one look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn known_clients_of(&self, user_id: UserId) -> Result<Vec<KnownClient>, DbError> {
        let rows: Vec<(String, i64, i64)> = self.read(|conn| {
            known_clients::table
                .filter(known_clients::user_id.eq(user_id.get()))
                .order((known_clients::succeeded_at.desc(), known_clients::mark))
                .select((
                    known_clients::mark,
                    known_clients::succeeded_at,
                    known_clients::expires_at,
                ))
                .load(conn)
        })?;
        let known = |(mark, logged_in_at, expires_at): (String, i64, i64)| KnownClient {
            // A network has its length behind a slash; a digest is hexadecimal.
            network: Some(mark).filter(|mark| mark.contains('/')),
            logged_in_at: Timestamp::from_seconds(logged_in_at),
            expires_at: Timestamp::from_seconds(expires_at),
        };
        Ok(rows.into_iter().map(known).collect())
    }

    fn know(
        &self,
        conn: &mut AnyConnection,
        user_id: UserId,
        marks: &[(String, Timestamp)],
    ) -> Result<(), DbError> {
        let now = self.settings.clock.now().seconds();
        let of_user = known_clients::table.filter(known_clients::user_id.eq(user_id.get()));
        for (mark, expires_at) in marks {
            diesel::delete(of_user.filter(known_clients::mark.eq(mark))).execute(conn)?;
            diesel::insert_into(known_clients::table)
                .values((
                    known_clients::user_id.eq(user_id.get()),
                    known_clients::mark.eq(mark),
                    known_clients::succeeded_at.eq(now),
                    known_clients::expires_at.eq(expires_at.seconds()),
                ))
                .execute(conn)?;
        }
        let surplus: Vec<String> = of_user
            .order((known_clients::succeeded_at.desc(), known_clients::mark))
            .select(known_clients::mark)
            .offset(KNOWN_MAX)
            .load(conn)?;
        if !surplus.is_empty() {
            diesel::delete(of_user.filter(known_clients::mark.eq_any(surplus))).execute(conn)?;
        }
        Ok(())
    }
}

fn knows_anybody(conn: &mut AnyConnection, user_id: UserId) -> Result<bool, DbError> {
    let mark: Option<String> = known_clients::table
        .filter(known_clients::user_id.eq(user_id.get()))
        .select(known_clients::mark)
        .limit(1)
        .get_result(conn)
        .optional()?;
    Ok(mark.is_some())
}
