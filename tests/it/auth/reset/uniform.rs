//! The cost of a request for a mail is the same with and without an account.

use bienvenue::auth::ThrottleSettings;
use bienvenue::mail::{Mailer, Memory, TemplateSettings, Templates};
use rstest::rstest;

use super::{BOB, NOBODY, OLD};
use crate::support::app::Setup;
use crate::support::statements::Statements;
use crate::support::{Engine, Place, eventually};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r16_known_and_unknown_addresses_take_the_same_statements(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let mut setup = Setup::at(place);
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    app.register(BOB, OLD).await;
    statements.of_requests();
    for queued in [true, false] {
        app.ask_for_reset(BOB).await;
        let known = statements.of_requests();
        app.ask_for_reset(NOBODY).await;
        assert_eq!(known, statements.of_requests());
        // The second time, the budgets of the addresses are spent.
        let into_outbox = |statement: &String| statement.contains("outbox");
        assert_eq!(known.iter().any(into_outbox), queued, "{known:#?}");
    }
}

/// As many decoys wait as may: the mail to the account is queued, the other is dropped.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r16_a_full_outbox_writes_as_often_for_unknown_addresses(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let app = Setup::at(place).start().await;
    app.register(BOB, OLD).await;
    app.place.sql(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
         INSERT INTO outbox (letter, created_at, due_at, attempts, claimed_until, priority)
         SELECT 'password_reset', 1800000000, 1800000000, 0, 0, 2 FROM n",
    );
    statements.of_requests();
    app.ask_for_reset(BOB).await;
    let known = statements.of_requests();
    app.ask_for_reset(NOBODY).await;
    let unknown = statements.of_requests();
    assert_eq!(known.len(), unknown.len(), "{known:#?} {unknown:#?}");
    assert_ne!(known, unknown, "an insert and an update");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r16_decoy_mail_takes_as_many_transactions(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let statements = Statements::to(&place);
    let mut setup = Setup::at(place);
    let templates = Templates::new(TemplateSettings {
        folder: None,
        reset_page: None,
        verify_page: None,
        undo_page: None,
        service: "Bienvenue".to_owned(),
        service_url: "http://localhost:5000".to_owned(),
    });
    setup.mails = Some((Mailer::Memory(Memory::default()), templates.unwrap()));
    let app = setup.start().await;
    app.register(BOB, OLD).await;
    let of_mail_to = async |address: &str| {
        app.ask_for_reset(address).await;
        let waiting = "SELECT letter AS value FROM outbox";
        eventually("an empty outbox", || app.place.texts(waiting).is_empty());
        statements.of_mails()
    };
    let (known, unknown) = (of_mail_to(BOB).await, of_mail_to(NOBODY).await);
    assert!(known.len() > 6, "{known:#?}");
    for kinds in [
        &["BEGIN"][..],
        &["SELECT"],
        &["DELETE"],
        &["UPDATE", "INSERT"],
    ] {
        let count = |all: &[String]| {
            let of_kinds = |sent: &&String| kinds.iter().any(|kind| sent.starts_with(kind));
            all.iter().filter(of_kinds).count()
        };
        assert_eq!(
            count(&known),
            count(&unknown),
            "{kinds:?}: {known:#?} {unknown:#?}"
        );
    }
}
