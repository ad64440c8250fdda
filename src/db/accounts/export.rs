//! The tokens and queued mails of a user, for the data export.

use diesel::prelude::*;

use crate::db::schema::{email_tokens, outbox, password_resets};
use crate::db::{DB, DbError};
use crate::domain::{EmailTokenAction, ExportedMail, ExportedToken, Timestamp, UserId};

/// The purpose of the tokens in `password_resets`.
const RESET: &str = "reset";

/// The kind of the confirmation mail to a new address.
const ASKS_NEW_ADDRESS: &str = "confirm_email";

impl DB {
    /// The tokens of a user that are valid, or expired and not removed yet. Tokens for a new
    /// address are left out: they exist only if no other account has the address, and would
    /// reveal that. Blocks for two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn tokens_of(&self, user_id: UserId) -> Result<Vec<ExportedToken>, DbError> {
        type Row = (String, Option<String>, i64, i64);
        let (resets, others): (Vec<(i64, i64)>, Vec<Row>) = self.read(|conn| {
            let resets = password_resets::table
                .filter(password_resets::user_id.eq(user_id.get()))
                .select((password_resets::created_at, password_resets::expires_at))
                .load(conn)?;
            let others = email_tokens::table
                .filter(email_tokens::user_id.eq(user_id.get()))
                .filter(email_tokens::purpose.ne(EmailTokenAction::Change.as_str()))
                .order(email_tokens::created_at)
                .select((
                    email_tokens::purpose,
                    email_tokens::email,
                    email_tokens::created_at,
                    email_tokens::expires_at,
                ))
                .load(conn)?;
            QueryResult::Ok((resets, others))
        })?;
        let resets = resets
            .into_iter()
            .map(|(created_at, expires_at)| (RESET.to_owned(), None, created_at, expires_at));
        let token = |(action, email, created_at, expires_at)| ExportedToken {
            action,
            email,
            created_at: Timestamp::from_seconds(created_at),
            expires_at: Timestamp::from_seconds(expires_at),
        };
        Ok(resets.chain(others).map(token).collect())
    }

    /// The queued mails to a user, oldest first, without confirmation mails to a new address, for
    /// the same reason. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn mails_of(&self, user_id: UserId) -> Result<Vec<ExportedMail>, DbError> {
        type Row = (String, Option<String>, i64, i64);
        let rows: Vec<Row> = self.read(|conn| {
            outbox::table
                .filter(outbox::user_id.eq(user_id.get()))
                .filter(outbox::letter.ne(ASKS_NEW_ADDRESS))
                .order(outbox::id)
                .select((
                    outbox::letter,
                    outbox::details,
                    outbox::created_at,
                    outbox::due_at,
                ))
                .load(conn)
        })?;
        let mail = |(kind, details, created_at, due_at)| ExportedMail {
            kind,
            details,
            created_at: Timestamp::from_seconds(created_at),
            due_at: Timestamp::from_seconds(due_at),
        };
        Ok(rows.into_iter().map(mail).collect())
    }
}
