//! Removes tokens, codes and invitations that have expired.

use diesel::prelude::*;

use super::schema::{
    email_tokens, former_emails, hand_over_codes, invitations, password_resets, users,
};
use super::{DB, DbError};

impl DB {
    /// Removes tokens that have expired, `limit` at the most of each kind, and tells how
    /// many. Blocks for a write, if there is anything to remove.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_expired_tokens(&self, limit: u32) -> Result<usize, DbError> {
        let now = self.settings.clock.now().seconds();
        let limit = i64::from(limit);
        let (owners, mailed, former, codes, invited) = self.read(|conn| {
            let owners: Vec<i64> = password_resets::table
                .filter(password_resets::expires_at.le(now))
                .order(password_resets::expires_at)
                .select(password_resets::user_id)
                .limit(limit)
                .load(conn)?;
            let mailed: Vec<String> = email_tokens::table
                .filter(email_tokens::expires_at.le(now))
                .order(email_tokens::expires_at)
                .select(email_tokens::digest)
                .limit(limit)
                .load(conn)?;
            let former: Vec<i64> = former_emails::table
                .filter(former_emails::expires_at.le(now))
                .order(former_emails::expires_at)
                .select(former_emails::id)
                .limit(limit)
                .load(conn)?;
            let codes: Vec<Vec<u8>> = hand_over_codes::table
                .filter(hand_over_codes::expires_at.le(now))
                .order(hand_over_codes::expires_at)
                .select(hand_over_codes::digest)
                .limit(limit)
                .load(conn)?;
            let invited: Vec<i64> = invitations::table
                .filter(invitations::expires_at.le(now))
                .order(invitations::expires_at)
                .select(invitations::id)
                .limit(limit)
                .load(conn)?;
            QueryResult::Ok((owners, mailed, former, codes, invited))
        })?;
        let mailed_count = owners.len() + mailed.len() + former.len();
        if mailed_count + codes.len() + invited.len() == 0 {
            return Ok(0);
        }
        self.write(|conn| {
            // A user who has asked for a new token in the meantime has it still.
            let gone: Vec<i64> = diesel::delete(
                password_resets::table
                    .filter(password_resets::user_id.eq_any(&owners))
                    .filter(password_resets::expires_at.le(now)),
            )
            .returning(password_resets::user_id)
            .get_results(conn)?;
            diesel::update(users::table.filter(users::id.eq_any(&gone)))
                .set(users::reset_token.eq(None::<String>))
                .execute(conn)?;
            let mailed = email_tokens::table.filter(email_tokens::digest.eq_any(&mailed));
            let former = former_emails::table.filter(former_emails::id.eq_any(&former));
            let codes = hand_over_codes::table.filter(hand_over_codes::digest.eq_any(&codes));
            let invited = invitations::table.filter(invitations::id.eq_any(&invited));
            let others = diesel::delete(mailed).execute(conn)?
                + diesel::delete(former).execute(conn)?
                + diesel::delete(codes).execute(conn)?
                + diesel::delete(invited).execute(conn)?;
            Ok(gone.len() + others)
        })
    }
}
