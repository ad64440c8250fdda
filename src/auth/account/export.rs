//! The data export: everything that is stored about a user.

use crate::auth::{Auth, AuthError, mail_limit_keys};
use crate::db::{DbError, LimitRow, SecondFactors};
use crate::domain::{
    AccountDates, AppLogin, AuditEvent, EndedSessionInfo, ExportedMail, ExportedToken,
    FactorChange, GroupName, KnownClient, Language, LimitKey, PasskeyInfo, PreviousEmail,
    SessionDigest, SessionId, SessionInfo, Timestamp, User, UserId,
};

/// Everything that is stored about a user, one field per table.
#[derive(Debug)]
pub struct Export {
    /// The row in `users`.
    pub user: User,
    /// The row in `account_dates`.
    pub dates: AccountDates,
    /// The language in that row.
    pub language: Option<Language>,
    /// The row in `verified_emails`, if it is about the current address.
    pub email_verified_at: Option<Timestamp>,
    /// The rows in `sessions`, including expired ones that are not removed yet.
    pub sessions: Vec<SessionInfo>,
    /// The rows in `ended_sessions`.
    pub ended_sessions: Vec<EndedSessionInfo>,
    /// The rows in `group_members`.
    pub groups: Vec<GroupName>,
    /// The rows in `app_sessions`.
    pub app_logins: Vec<AppLogin>,
    /// The row in `totp` and the rows in `recovery_codes`.
    pub second_factors: SecondFactors,
    /// The rows in `passkeys`. Those in `passkey_challenges` say no more than `pending_logins`.
    pub passkeys: Vec<PasskeyInfo>,
    /// The rows in `factor_changes`.
    pub factor_changes: Vec<FactorChange>,
    /// The rows in `pending_logins`: when they began.
    pub pending_logins: Vec<Timestamp>,
    /// The rows in `known_clients`.
    pub known_clients: Vec<KnownClient>,
    /// The rows in `password_resets` and `email_tokens`, without those for a new address: such a
    /// row would reveal that no other account has that address.
    pub tokens: Vec<ExportedToken>,
    /// The rows in `former_emails`.
    pub former_emails: Vec<PreviousEmail>,
    /// The rows in `audit_events`, newest first.
    pub audit_events: Vec<AuditEvent>,
    /// The rows in `outbox`, without confirmation mails to a new address.
    pub mails: Vec<ExportedMail>,
    /// The rows in `throttle` about the account and its address. Rows about networks do not
    /// belong to a single user.
    pub counts: Vec<LimitRow>,
}

/// How many sessions or events are read at a time.
const PAGE: u32 = 1000;

impl Auth {
    /// Collects everything that is stored about the session's user. Blocks for one or more
    /// lookups per table.
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
            language: self.db.language_of(user.id)?,
            email_verified_at: self.db.email_verified_at(user.id)?,
            sessions,
            ended_sessions: self.db.ended_sessions_of(user.id)?,
            groups: self.db.groups_of(user.id)?,
            app_logins: self.db.app_logins_of(user.id)?,
            second_factors: self.db.second_factors_of(user.id)?,
            passkeys: self.db.passkeys_of(user.id)?,
            factor_changes: self.db.factor_changes_of(user.id, u32::MAX)?,
            pending_logins: self.db.pending_logins_of(user.id)?,
            known_clients: self.db.known_clients_of(user.id)?,
            tokens: self.db.tokens_of(user.id)?,
            former_emails: self.db.previous_emails_of(user.id)?,
            audit_events: self.all_audit_events(user.id)?,
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
                .stored_sessions_of(user_id, Some(current), after, PAGE)?;
            if page.is_empty() {
                return Ok(sessions);
            }
            sessions.extend(page);
        }
    }

    fn all_audit_events(&self, user_id: UserId) -> Result<Vec<AuditEvent>, DbError> {
        let mut events: Vec<AuditEvent> = Vec::new();
        loop {
            let after = events.last().map(|event| event.position);
            let page = self.db.audit_events_of(user_id, after, PAGE)?;
            if page.is_empty() {
                return Ok(events);
            }
            events.extend(page);
        }
    }

    fn counts_of(&self, user: &User) -> Result<Vec<LimitRow>, DbError> {
        let email = user.email.key();
        let mut keys = vec![
            LimitKey::account(&email),
            LimitKey::logins(&email),
            LimitKey::email_changes(user.id),
            LimitKey::reauthentication(&email),
            LimitKey::admin_acts(user.id),
            LimitKey::second_factor(&email),
        ];
        for mark in self.db.marks_of(user.id)? {
            keys.push(LimitKey::known(&email, &mark));
        }
        keys.extend(mail_limit_keys(&email));
        self.db.limit_rows(&keys.iter().collect::<Vec<_>>())
    }
}
