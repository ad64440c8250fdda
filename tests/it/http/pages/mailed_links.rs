//! The pages that mailed links lead to.

use bienvenue::auth::{AccountSettings, AuthSettings};
use bienvenue::domain::EmailVerification;
use rstest::rstest;

use super::visitor::Visitor;
use super::{assert_leads, assert_page, with_mails};
use crate::support::app::{Setup, quick};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn forgotten_password_is_reset_by_pages(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let setup = Setup {
        sends_mails: true,
        ..Setup::at(place)
    };
    let app = setup.start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let bob = Visitor::default();
    assert_page(&bob.get(&app, "/forgot?next=/x").await, 200);
    let form = [("email", "Bob@x.fr"), ("next", "/x")];
    let answer = bob.post(&app, "/forgot", &form).await;
    assert_leads(&answer, "/forgot?sent=1&next=%2Fx");
    let page = bob.get(&app, "/forgot?sent=1").await;
    assert!(page.body.contains("If this address has an account"));
    let token = token_of(&app.mails.next());
    // The link's token goes from the address into a cookie, and nothing is consumed.
    for _ in 0..3 {
        let answer = bob.get(&app, &format!("/reset?token={token}")).await;
        assert_leads(&answer, "/reset");
        let cookies = answer.headers("set-cookie");
        let cookie =
            format!("reset_token={token}; HttpOnly; SameSite=Lax; Path=/reset; Max-Age=1800");
        assert_eq!(cookies, [cookie]);
        let page = bob.get(&app, "/reset").await;
        assert_page(&page, 200);
        assert!(page.body.contains("autocomplete=\"new-password\""));
        assert!(!page.body.contains(&token));
    }
    let page = bob.post(&app, "/reset", &[("new_password", "")]).await;
    assert_page(&page, 400);
    let page = bob.post(&app, "/reset", &[("new_password", "\0")]).await;
    assert_page(&page, 400);
    let answer = bob
        .post(&app, "/reset", &[("new_password", "new_pwd")])
        .await;
    assert_leads(&answer, "/login?reason=password_reset");
    assert_eq!(bob.cookie("reset_token"), None);
    assert_eq!(bob.cookie("session_id"), None);
    assert_eq!(app.log_in("bob@x.fr", "new_pwd").await.status, 200);
    // It was good once.
    bob.get(&app, &format!("/reset?token={token}")).await;
    let page = bob
        .post(&app, "/reset", &[("new_password", "third_pwd")])
        .await;
    assert_page(&page, 403);
    assert_eq!(page.header("bienvenue-error"), Some("invalid_reset_token"));
    assert!(
        page.body
            .contains("This link has expired or was already used.")
    );
    assert!(page.body.contains("href=\"/forgot\""));
}

#[actix_web::test]
async fn unknown_address_is_answered_alike() {
    let app = with_mails().start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let visitor = Visitor::default();
    for email in ["bob@x.fr", "eve@x.fr"] {
        let answer = visitor.post(&app, "/forgot", &[("email", email)]).await;
        assert_leads(&answer, "/forgot?sent=1");
    }
    assert_page(&visitor.post(&app, "/forgot", &[("email", "x")]).await, 400);
}

#[actix_web::test]
async fn page_without_a_token_asks_for_a_link() {
    let app = with_mails().start().await;
    let visitor = Visitor::default();
    for path in ["/reset", "/verify-email"] {
        let page = visitor.get(&app, path).await;
        assert_page(&page, 403);
        assert!(page.body.contains("needs a link from an email"));
        assert!(!page.body.contains("<form"));
    }
    let page = visitor.post(&app, "/reset", &[("new_password", "x")]).await;
    assert_page(&page, 403);
    assert_page(&visitor.post(&app, "/verify-email", &[]).await, 403);
    // Only a token gets into a cookie.
    for token in ["x%3B%20Domain%3Dx.fr", "%0d%0aX:y", &"a".repeat(65), ""] {
        let answer = visitor.get(&app, &format!("/reset?token={token}")).await;
        let cookie = answer.headers("set-cookie").concat();
        assert!(cookie.starts_with("reset_token=; "), "{cookie}");
    }
}

#[actix_web::test]
async fn address_is_verified_by_the_page() {
    let setup = Setup {
        auth: AuthSettings {
            accounts: AccountSettings {
                email_verification: EmailVerification::Required,
                ..AccountSettings::default()
            },
            ..quick()
        },
        ..with_mails()
    };
    let app = setup.start().await;
    app.register("ann@x.fr", "ann_pwd").await;
    let token = token_of(&app.mails.next());
    let ann = Visitor::default();
    let page = ann
        .follow(&app, &format!("/verify-email?token={token}"))
        .await;
    assert_page(&page, 200);
    assert!(page.body.contains("action=\"/verify-email\""));
    assert_eq!(app.log_in("ann@x.fr", "ann_pwd").await.status, 403);
    let answer = ann.post(&app, "/verify-email", &[]).await;
    assert_leads(&answer, "/verify-email?done=verified");
    let page = ann.get(&app, "/verify-email?done=verified").await;
    assert!(page.body.contains("Your email address is confirmed."));
    assert_eq!(app.log_in("ann@x.fr", "ann_pwd").await.status, 200);
    assert_page(&ann.post(&app, "/verify-email", &[]).await, 403);
}

#[actix_web::test]
async fn address_is_changed_and_taken_back_by_pages() {
    let app = with_mails().start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let bob = Visitor::default();
    let login = [("email", "bob@x.fr"), ("password", "bob_pwd")];
    bob.post(&app, "/login", &login).await;
    let form = [("new_email", "new@x.fr"), ("current_password", "no")];
    let page = bob.post(&app, "/account/email", &form).await;
    assert_page(&page, 401);
    assert!(page.body.contains("value=\"new@x.fr\""));
    assert!(
        page.body
            .contains("id=\"current_password-wrong\">The password is wrong.")
    );
    let form = [("new_email", "new@x.fr"), ("current_password", "bob_pwd")];
    let answer = bob.post(&app, "/account/email", &form).await;
    assert_leads(&answer, "/account?done=email");
    let token = token_of(&app.mails.next_to("new@x.fr"));
    bob.follow(&app, &format!("/verify-email?token={token}"))
        .await;
    let answer = bob.post(&app, "/verify-email", &[]).await;
    assert_leads(&answer, "/verify-email?done=changed");
    let page = bob.get(&app, "/account").await;
    assert!(page.body.contains("new@x.fr"));
    let undo = token_of(&app.mails.next_to("bob@x.fr"));
    bob.follow(&app, &format!("/verify-email?token={undo}"))
        .await;
    let answer = bob.post(&app, "/verify-email", &[]).await;
    assert_leads(&answer, "/verify-email?done=restored");
    let page = bob.get(&app, "/verify-email?done=restored").await;
    assert!(page.body.contains("has its former email address again"));
}
