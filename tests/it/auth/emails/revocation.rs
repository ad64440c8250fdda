//! A mail that a worker has in its hands while a new password ends it.

use std::time::Duration;

use bienvenue::db::{DbError, MailPriority, NewEmailToken, PasswordResetUpdate};
use bienvenue::domain::{Clock, EmailToken, EmailTokenAction, HashedPassword, ResetToken};
use rstest::rstest;

use super::{BOB, NEW};
use crate::support::{Engine, Place, START, email, settings};

#[rstest]
fn r30_a_mail_that_was_revoked_stores_no_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(true, false)] revoked: bool,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    let hashed = HashedPassword::from_stored("a hash");
    let bob = db.add_user(&email(BOB), &hashed).unwrap().id;
    let lifetime = Duration::from_secs(60);
    place.sql(
        "INSERT INTO outbox
         (user_id, letter, created_at, due_at, attempts, claimed_until, has_token)
         VALUES (1, 'confirm_email', 1800000000, 1800000000, 0, 0, 1)",
    );
    let mail = db
        .claim_mail(lifetime, lifetime, MailPriority::Decoy)
        .unwrap()
        .unwrap();
    if revoked {
        let token = ResetToken::generate().digest();
        db.set_reset_token(bob, &token, lifetime, None).unwrap();
        let new = PasswordResetUpdate {
            token: &token,
            hashed_password: &hashed,
            notice: None,
            code_limit: None,
        };
        db.spend_reset_token(bob, &new).unwrap();
    }
    let token = ResetToken::generate().digest();
    let reset = db.set_reset_token(bob, &token, lifetime, Some(&mail));
    let new = NewEmailToken {
        digest: &EmailToken::generate().digest(),
        action: EmailTokenAction::Change,
        email: &email(NEW),
        lifetime,
    };
    let change = db.set_email_token(bob, &new, &mail);
    for stored in [reset, change] {
        match stored {
            Ok(()) => assert!(!revoked),
            Err(error) => assert!(
                revoked && matches!(error, DbError::NoResultFound),
                "{error}"
            ),
        }
    }
}
