//! Links with which a person may register once.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use bienvenue::auth::{AuthError, EmailVerification, Inline, Registration, RegistrationOutcome};
use bienvenue::domain::{Client, InvitationToken};
use rstest::rstest;

use super::*;
use crate::support::app::quick;
use crate::support::password;
use crate::support::program::{Server, run, told};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn invite(app: &App, to: Option<&str>, group: Option<&str>) -> InvitationToken {
    let token = InvitationToken::generate();
    let db = app.place.open(settings(&app.clock));
    let group = group.map(|name| name.parse().unwrap());
    let to = to.map(email);
    let expires_at = db.clock().now().plus(WEEK);
    db.add_invitation(&token.digest(), to.as_ref(), group.as_ref(), expires_at)
        .unwrap();
    token
}

async fn register(auth: &Auth, who: &str, token: &InvitationToken) -> Result<(), AuthError> {
    let client = Client::default();
    let (who, pwd) = (email(who), password("a_pwd"));
    let registered = auth.register_invited(&Inline, &who, pwd, token, &client);
    match registered.await? {
        RegistrationOutcome::New(_) => Ok(()),
        RegistrationOutcome::Concealed => panic!("concealed"),
    }
}

fn is_invalid(refused: &Result<(), AuthError>) -> bool {
    matches!(refused, Err(AuthError::InvalidInvitation))
}

/// Registration is closed, and addresses have to be verified.
fn closed(engine: Engine) -> Option<Setup> {
    let mut setup = setup(engine)?;
    setup.auth.accounts.registration = Registration::Closed;
    setup.auth.accounts.email_verification = EmailVerification::Required;
    Some(setup)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn invitation_registers_once_where_registration_is_closed(#[case] engine: Engine) {
    let Some(setup) = closed(engine) else {
        return;
    };
    let app = setup.start().await;
    let db = operator(&app);
    db.create_group(&"family".parse().unwrap()).unwrap();
    assert_eq!(app.register("bob@x.fr", "a_pwd").await.status.as_u16(), 403);
    let token = invite(&app, Some("Bob@x.fr"), Some("family"));
    assert_eq!(
        app.auth.invitation(&token).unwrap().email,
        Some(email("Bob@x.fr"))
    );
    assert!(
        is_invalid(&register(&app.auth, "eve@x.fr", &token).await),
        "another address"
    );
    register(&app.auth, "bob@x.fr", &token).await.unwrap();
    // The invitation has proved the address: the login needs no mail.
    assert_eq!(app.log_in("bob@x.fr", "a_pwd").await.status.as_u16(), 200);
    let bob = db.find_user_by(&email("bob@x.fr")).unwrap();
    assert_eq!(db.groups_of(bob.id).unwrap(), ["family".parse().unwrap()]);
    assert!(
        is_invalid(&register(&app.auth, "ann@x.fr", &token).await),
        "used"
    );
    let wrong = InvitationToken::generate();
    assert!(
        is_invalid(&register(&app.auth, "ann@x.fr", &wrong).await),
        "wrong"
    );
    // Without an address it is for anybody, and proves nothing.
    let open = invite(&app, None, None);
    register(&app.auth, "ann@x.fr", &open).await.unwrap();
    assert_eq!(app.log_in("ann@x.fr", "a_pwd").await.status.as_u16(), 403);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn invitation_expires_is_revoked_and_goes_with_its_group(#[case] engine: Engine) {
    let Some(setup) = closed(engine) else {
        return;
    };
    let app = setup.start().await;
    let db = app.place.open(settings(&app.clock));
    let family = "family".parse().unwrap();
    db.create_group(&family).unwrap();
    let grouped = invite(&app, None, Some("family"));
    db.delete_group(&family).unwrap();
    assert!(is_invalid(&register(&app.auth, "bob@x.fr", &grouped).await));
    let revoked = invite(&app, None, None);
    let listed = db.invitations(None, 10).unwrap();
    assert_eq!(listed.len(), 1);
    assert!(db.revoke_invitation(listed[0].id).unwrap());
    assert!(is_invalid(&register(&app.auth, "bob@x.fr", &revoked).await));
    let late = invite(&app, None, None);
    app.clock.advance(WEEK);
    assert!(is_invalid(&register(&app.auth, "bob@x.fr", &late).await));
    assert_eq!(db.remove_expired_tokens(10).unwrap(), 1);
    assert!(db.invitations(None, 10).unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn of_many_at_once_one_uses_an_invitation(#[case] engine: Engine) {
    let Some(setup) = closed(engine) else {
        return;
    };
    let app = setup.start().await;
    let token = invite(&app, None, None);
    let start = Arc::new(Barrier::new(8));
    let tries: Vec<_> = (0..8)
        .map(|number| {
            let mut settings = quick();
            settings.accounts.registration = Registration::Closed;
            let auth = Auth::new(operator(&app), settings).unwrap();
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                start.wait();
                let who = format!("user{number}@x.fr");
                let client = Client::default();
                let who = email(&who);
                let tried =
                    auth.register_invited(&Inline, &who, password("a_pwd"), &token, &client);
                block_on(tried).is_ok()
            })
        })
        .collect();
    let won = tries.into_iter().map(|tried| tried.join().unwrap());
    assert_eq!(won.filter(|won| *won).count(), 1);
    let users = app.place.texts("SELECT email AS value FROM users");
    assert_eq!(users.len(), 1, "{users:?}");
}

/// Waits for a use case on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

#[test]
fn invite_prints_a_link_and_sends_it() {
    let place = Place::new();
    let _server = Server::start_with(&place, &["--registration=closed"]);
    let output = run(place.folder(), &["invite", "bob@x.fr", "--days", "3"]);
    assert!(output.status.success(), "{}", told(&output));
    let link = String::from_utf8(output.stdout.clone()).unwrap();
    let token = link
        .trim()
        .strip_prefix("http://localhost:5000/invite?token=");
    let token = InvitationToken::parse(token.unwrap()).unwrap();
    assert!(told(&output).contains("within 3 days"), "{}", told(&output));
    assert!(
        told(&output).contains("It was sent to bob@x.fr."),
        "{}",
        told(&output)
    );
    let mails: Vec<_> = std::fs::read_dir(place.path("mail")).unwrap().collect();
    let mail = std::fs::read_to_string(mails[0].as_ref().unwrap().path()).unwrap();
    assert!(mail.contains(link.trim()), "{mail}");
    // Neither the log nor the list has what lets a person in.
    assert!(!told(&output).contains(&token.expose()));
    let list = run(place.folder(), &["invite", "list"]);
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.starts_with("1\tbob@x.fr\t-\texpires "), "{list}");
    assert!(!list.contains(&token.expose()));
    let missing = run(place.folder(), &["invite", "--group", "nix"]);
    assert!(
        told(&missing).contains("there is no group nix"),
        "{}",
        told(&missing)
    );
    assert!(
        run(place.folder(), &["invite", "revoke", "1"])
            .status
            .success()
    );
    let again = run(place.folder(), &["invite", "revoke", "1"]);
    assert!(
        told(&again).contains("there is no invitation 1"),
        "{}",
        told(&again)
    );
}
