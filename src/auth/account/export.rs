//! The export of everything that is held about a user.

use crate::auth::{Auth, AuthError, mail_limit_keys};
use crate::db::{DbError, LimitRow, SecondFactors};
use crate::domain::{
    AccountDates, AppLogin, FormerEmail, GroupName, KnownClient, LimitKey, PendingMail,
    PendingToken, SessionDigest, SessionId, SessionInfo, Timestamp, User, UserId,
};

/// Everything that is held about a user: a field a table.
#[derive(Debug)]
pub struct Export {
    /// The row in `users`.
    pub user: User,
    /// The row in `account_dates`.
    pub dates: AccountDates,
    /// The row in `verified_emails`, if it is about the address of now.
    pub email_verified_at: Option<Timestamp>,
    /// The rows in `sessions`, expired ones that are not removed yet included.
    pub sessions: Vec<SessionInfo>,
    /// The rows in `group_members`.
    pub groups: Vec<GroupName>,
    /// The rows in `app_sessions`.
    pub app_logins: Vec<AppLogin>,
    /// The row in `totp` and the rows in `recovery_codes`.
    pub second_factors: SecondFactors,
    /// The rows in `pending_logins`: when they began.
    pub pending_logins: Vec<Timestamp>,
    /// The rows in `known_clients`.
    pub known_clients: Vec<KnownClient>,
    /// The rows in `password_resets` and `email_tokens`, without those for another address: that
    /// there is one tells that no other account has it.
    pub tokens: Vec<PendingToken>,
    /// The rows in `former_emails`.
    pub former_emails: Vec<FormerEmail>,
    /// The rows in `outbox`, without mails that ask another address.
    pub mails: Vec<PendingMail>,
    /// The rows in `throttle` about the account and its address. Those about networks are
    /// nobody's in particular.
    pub counts: Vec<LimitRow>,
}

/// How many sessions are read at a time.
const SESSIONS_PAGE: u32 = 1000;

impl Auth {
    /// Gathers everything that is held about whoever is logged in. Blocks for a look-up a
    /// table.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn export(&self, session_id: &SessionId) -> Result<Export, AuthError> {
        let user = self
            .get_user_from_session_id(session_id)?
            .ok_or(AuthError::NotLoggedIn)?;
        let sessions = self.all_sessions(user.id, &session_id.digest())?;
        Ok(Export {
            dates: self.db.account_dates(user.id)?,
            email_verified_at: self.db.email_verified_at(user.id)?,
            sessions,
            groups: self.db.groups_of(user.id)?,
            app_logins: self.db.app_logins_of(user.id)?,
            second_factors: self.db.second_factors_of(user.id)?,
            pending_logins: self.db.pending_logins_of(user.id)?,
            known_clients: self.db.known_clients_of(user.id)?,
            tokens: self.db.tokens_of(user.id)?,
            former_emails: self.db.former_emails_of(user.id)?,
            mails: self.db.mails_of(user.id)?,
            counts: self.counts_of(&user)?,
            user,
        })
    }

    fn all_sessions(
        &self,
        user_id: UserId,
        current: &SessionDigest,
    ) -> Result<Vec<SessionInfo>, DbError> {
        let mut sessions: Vec<SessionInfo> = Vec::new();
        loop {
            let after = sessions.last().map(|session| session.public_id);
            let page = self
                .db
                .sessions_of(user_id, Some(current), after, SESSIONS_PAGE)?;
            if page.is_empty() {
                return Ok(sessions);
            }
            sessions.extend(page);
        }
    }

    fn counts_of(&self, user: &User) -> Result<Vec<LimitRow>, DbError> {
        let email = user.email.key();
        let mut keys = vec![
            LimitKey::account(&email),
            LimitKey::logins(&email),
            LimitKey::email_changes(user.id),
            LimitKey::reauthentication(&email),
            LimitKey::second_factor(&email),
        ];
        for mark in self.db.marks_of(user.id)? {
            keys.push(LimitKey::known(&email, &mark));
        }
        keys.extend(mail_limit_keys(&email));
        self.db.throttle_rows(&keys.iter().collect::<Vec<_>>())
    }
}
