//! The page of an invitation.

use std::time::Duration;

use bienvenue::auth::{AccountSettings, AuthSettings};
use bienvenue::domain::{Email, InvitationToken, Registration};

use super::visitor::Visitor;
use super::{assert_leads, assert_page, with_mails};
use crate::support::app::{Setup, quick};
use crate::support::settings;

#[actix_web::test]
async fn invitation_registers_where_it_is_closed() {
    let auth = AuthSettings {
        accounts: AccountSettings {
            registration: Registration::Closed,
            ..AccountSettings::default()
        },
        ..quick()
    };
    let setup = Setup {
        auth,
        ..with_mails()
    };
    let app = setup.start().await;
    let token = InvitationToken::generate();
    let db = app.place.open(settings(&app.clock));
    let to = Email::parse_new("ann@x.fr").unwrap();
    let expires_at = db.clock().now().plus(Duration::from_secs(3600));
    db.add_invitation(&token.digest(), Some(&to), None, expires_at)
        .unwrap();
    let ann = Visitor::default();
    let link = format!("/invite?token={}", token.expose());
    assert_leads(&ann.get(&app, &link).await, "/invite");
    let page = ann.get(&app, "/invite").await;
    assert_page(&page, 200);
    assert!(page.body.contains("value=\"ann@x.fr\""), "{}", page.body);
    let other = [("email", "eve@x.fr"), ("password", "a long enough one")];
    assert_page(&ann.post(&app, "/invite", &other).await, 403);
    let form = [("email", "ann@x.fr"), ("password", "a long enough one")];
    assert_leads(&ann.post(&app, "/invite", &form).await, "/account");
    assert!(ann.cookie("session_id").is_some());
    assert!(ann.cookie("invitation_token").is_none());

    // The link is good once.
    let eve = Visitor::default();
    eve.get(&app, &link).await;
    let page = eve.get(&app, "/invite").await;
    assert_page(&page, 403);
    assert!(page.body.contains("already used"), "{}", page.body);
    let form = [("email", "eve@x.fr"), ("password", "a long enough one")];
    assert_page(&eve.post(&app, "/invite", &form).await, 403);
}

#[actix_web::test]
async fn invite_page_without_a_link_has_no_form() {
    let app = with_mails().start().await;
    let page = Visitor::reading("fr").get(&app, "/invite").await;
    assert_page(&page, 403);
    assert!(!page.body.contains("<form"), "{}", page.body);
}
