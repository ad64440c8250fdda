//! The acts of administrators: each works, and its audit event says who did it.

use actix_web::http::StatusCode;
use bienvenue::db::{DbError, LoginSideEffects, Reauthenticated};
use bienvenue::domain::{GroupName, SessionId};
use rstest::rstest;

use super::{ANN, BOB, Stand, visitor};
use crate::http::pages::visitor::Visitor;
use crate::http::pages::{assert_leads, assert_page};
use crate::support::app::Setup;
use crate::support::{Engine, Place, email};

/// The service on an engine, if that is on this machine. It sends mails.
async fn stand(engine: Engine) -> Option<Stand> {
    let setup = Setup {
        sends_mails: true,
        ..Setup::at(Place::on(engine)?)
    };
    Some(Stand::start(setup).await)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn user_is_disabled_enabled_and_logged_out(#[case] engine: Engine) {
    let Some(stand) = stand(engine).await else {
        return;
    };
    let (app, bob) = (&stand.app, stand.id(BOB));
    let path = format!("/admin/users/{bob}");
    let session = app.log_in(BOB, "bob_pwd").await.session_id();
    let page = stand.ann.get(app, &path).await;
    assert_page(&page, 200);
    for part in [BOB, "not confirmed", "Disable user", "Unknown device"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }

    let answer = stand.act(&format!("{path}/end-sessions"), &[]).await;
    assert_leads(&answer, &format!("{path}?done=sessions"));
    assert_eq!(app.profile(&session).await.status, 403);
    let session = app.log_in(BOB, "bob_pwd").await.session_id();

    let answer = stand.act(&format!("{path}/disable"), &[]).await;
    assert_leads(&answer, &format!("{path}?done=disabled"));
    assert_eq!(app.profile(&session).await.status, 403);
    assert_eq!(app.log_in(BOB, "bob_pwd").await.status, 401);
    let page = stand.ann.get(app, &format!("{path}?done=disabled")).await;
    for part in ["The user is disabled and", ">disabled<", "Enable user"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains(&format!("{path}/disable")));
    let page = stand.act(&format!("{path}/reset-link"), &[]).await;
    assert_page(&page, 409);
    assert!(page.body.contains("The user is disabled, so"));

    let answer = stand.act(&format!("{path}/enable"), &[]).await;
    assert_leads(&answer, &format!("{path}?done=enabled"));
    assert_eq!(app.log_in(BOB, "bob_pwd").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn reset_link_is_sent() {
    let stand = stand(Engine::Sqlite).await.unwrap();
    let bob = stand.id(BOB);
    let path = format!("/admin/users/{bob}/reset-link");
    let answer = stand.act(&path, &[]).await;
    assert_leads(&answer, &format!("/admin/users/{bob}?done=reset_link"));
    let mail = stand.app.mails.next();
    assert_eq!(mail.to, email(BOB));
    assert!(mail.subject.contains("Reset your password"));
    // The address gets one such mail a minute.
    let page = stand.act(&path, &[]).await;
    assert_page(&page, 409);
    assert!(page.body.contains("enough emails of this kind"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn user_is_deleted_by_the_typed_address(#[case] engine: Engine) {
    let Some(stand) = stand(engine).await else {
        return;
    };
    let bob = stand.id(BOB);
    let path = format!("/admin/users/{bob}/delete");
    let page = stand.act(&path, &[("user_email", "bob@x.com")]).await;
    assert_page(&page, 409);
    let beside = "id=\"user_email-wrong\">This is not the address of the user.";
    assert!(page.body.contains(beside), "{}", page.body);
    assert!(page.body.contains("value=\"bob@x.com\""));
    let answer = stand.act(&path, &[("user_email", " BOB@x.fr")]).await;
    assert_leads(&answer, "/admin?done=deleted");
    assert!(stand.db.find_user_by(bob).is_err());
    let page = stand.ann.get(&stand.app, "/admin?done=deleted").await;
    assert!(page.body.contains("The user was deleted."));
    assert!(!page.body.contains(BOB));
    for path in [&path, &format!("/admin/users/{bob}"), "/admin/users/x"] {
        assert_page(&stand.ann.get(&stand.app, path).await, 404);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn groups_have_members_and_are_deleted(#[case] engine: Engine) {
    let Some(stand) = stand(engine).await else {
        return;
    };
    let (bob, staff) = (stand.id(BOB), "staff".parse::<GroupName>().unwrap());
    let answer = stand.act("/admin/new-group", &[("group", "staff")]).await;
    assert_leads(&answer, "/admin/groups/staff?done=created");
    for (name, status, text) in [
        ("staff", 409, "There is a group with this name already."),
        ("Staff <b>", 400, "A name has 1 to 64 lower-case letters"),
    ] {
        let page = stand.act("/admin/new-group", &[("group", name)]).await;
        assert_page(&page, status);
        let beside = format!("id=\"group-wrong\">{text}");
        assert!(page.body.contains(&beside), "{}", page.body);
        assert!(!page.body.contains("<b>"));
    }
    let path = "/admin/groups/staff/add";
    let page = stand.act(path, &[("user_email", "nix@x.fr")]).await;
    assert_page(&page, 404);
    assert!(page.body.contains(">No user has this address."));
    let answer = stand.act(path, &[("user_email", BOB)]).await;
    assert_leads(&answer, "/admin/groups/staff?done=added");
    let in_staff = std::slice::from_ref(&staff);
    assert_eq!(stand.db.groups_of(bob).unwrap(), in_staff);
    let page = stand.ann.get(&stand.app, "/admin/groups/staff").await;
    assert!(page.body.contains(BOB), "{}", page.body);

    let remove = format!("/admin/groups/staff/remove/{bob}");
    let answer = stand.act(&remove, &[]).await;
    assert_leads(&answer, "/admin/groups/staff?done=removed");
    assert!(stand.db.groups_of(bob).unwrap().is_empty());
    let path = format!("/admin/users/{bob}/add-to-group");
    let answer = stand.act(&path, &[("group", "staff")]).await;
    assert_leads(&answer, &format!("/admin/users/{bob}?done=group"));
    assert_eq!(stand.db.groups_of(bob).unwrap(), in_staff);

    let wiki = [
        ("app", "wiki"),
        ("url", "https://wiki.example.org"),
        ("groups", "staff"),
    ];
    stand.act("/admin/new-app", &wiki).await;
    let page = stand.act("/admin/groups/staff/delete", &[]).await;
    assert_page(&page, 409);
    assert!(
        page.body
            .contains("These applications list the group: wiki.")
    );
    stand.act("/admin/apps/wiki/remove", &[]).await;
    let answer = stand.act("/admin/groups/staff/delete", &[]).await;
    assert_leads(&answer, "/admin/groups?done=deleted");
    assert_page(&stand.ann.get(&stand.app, "/admin/groups/staff").await, 404);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn invitation_is_created_used_and_revoked(#[case] engine: Engine) {
    let Some(stand) = stand(engine).await else {
        return;
    };
    stand.db.create_group(&"staff".parse().unwrap()).unwrap();
    let form = [
        ("user_email", "eve@x.fr"),
        ("group", "staff"),
        ("days", "3"),
    ];
    let page = stand.act("/admin/new-invitation", &form).await;
    assert_page(&page, 200);
    let (_, link) = page.body.split_once("<code>").unwrap();
    let link = link.split_once("</code>").unwrap().0.replace("&#x2f;", "/");
    let (_, path) = link.split_once("/invite?").unwrap();
    let sent = "An email with the link is sent to eve@x.fr now.";
    assert!(page.body.contains(sent), "{}", page.body);
    let mail = stand.app.mails.next_to("eve@x.fr");
    assert_eq!(mail.subject, "Invitation to Bienvenue");
    let mailed = format!("http://localhost:5000/invite?{path}\n");
    assert!(mail.text.contains(&mailed), "{}", mail.text);
    assert!(mail.text.contains("The link expires in 3 days"));
    let listed = stand.ann.get(&stand.app, "/admin/invitations").await;
    assert!(listed.body.contains("eve@x.fr"), "{}", listed.body);

    let eve = Visitor::default();
    let answer = eve.get(&stand.app, &format!("/invite?{path}")).await;
    assert_leads(&answer, "/invite");
    let form = [("email", "eve@x.fr"), ("password", "eve_pwd")];
    eve.post(&stand.app, "/invite", &form).await;
    let groups = stand.db.groups_of(stand.id("eve@x.fr")).unwrap();
    assert_eq!(groups, ["staff".parse().unwrap()]);

    // Without an address and a group, and wrong ones.
    let page = stand.act("/admin/new-invitation", &[("days", "90")]).await;
    assert_page(&page, 200);
    assert!(page.body.contains("Send this link to the person yourself."));
    for (field, text, status) in [
        ("user_email", "eve", 400),
        ("group", "nix", 404),
        ("days", "91", 400),
    ] {
        let mut form = vec![("days", "7")];
        form.retain(|(name, _)| *name != field);
        form.push((field, text));
        let page = stand.act("/admin/new-invitation", &form).await;
        assert_page(&page, status);
        assert!(page.body.contains(&format!("id=\"{field}-wrong\"")));
    }
    let id = stand.db.invitations(None, 9).unwrap()[0].id;
    let path = format!("/admin/invitations/{id}/revoke");
    let answer = stand.act(&path, &[]).await;
    assert_leads(&answer, "/admin/invitations?done=revoked");
    assert_page(&stand.act(&path, &[]).await, 404);
    assert!(stand.db.invitations(None, 9).unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn applications_are_added_and_removed(#[case] engine: Engine) {
    let Some(stand) = stand(engine).await else {
        return;
    };
    for group in ["staff", "family"] {
        stand.db.create_group(&group.parse().unwrap()).unwrap();
    }
    let add = |url, groups| {
        let form = vec![("app", "wiki"), ("url", url), ("groups", groups)];
        let (stand, mut form) = (&stand, form);
        form.push(("second_factor", "on"));
        async move { stand.act("/admin/new-app", &form).await }
    };
    let page = add("http://wiki.example.org", "").await;
    assert_page(&page, 400);
    assert!(page.body.contains("id=\"url-wrong\""));
    let answer = add("https://wiki.example.org", "staff, family,staff").await;
    assert_leads(&answer, "/admin/apps?done=added");
    let app = stand.db.app(&"wiki".parse().unwrap()).unwrap();
    assert!(app.second_factor);
    let groups: Vec<&str> = app.groups.iter().map(GroupName::as_str).collect();
    assert_eq!(groups, ["family", "staff"]);
    let page = add("https://wiki.example.org", "").await;
    assert_page(&page, 409);
    assert!(page.body.contains("id=\"app-wrong\""));

    let page = stand.ann.get(&stand.app, "/admin/apps").await;
    assert!(page.body.contains("wiki.example.org"), "{}", page.body);
    let bob = stand.id(BOB);
    let opens = |page: &str| page.contains("<dd>wiki</dd>");
    let path = format!("/admin/users/{bob}");
    assert!(!opens(&stand.ann.get(&stand.app, &path).await.body));
    stand.db.add_member(&"staff".parse().unwrap(), bob).unwrap();
    assert!(opens(&stand.ann.get(&stand.app, &path).await.body));

    let path_of_groups = "/admin/apps/wiki/groups";
    let page = stand.ann.get(&stand.app, path_of_groups).await;
    assert!(
        page.body.contains("value=\"family staff\""),
        "{}",
        page.body
    );
    let page = stand.act(path_of_groups, &[("groups", "staff nix")]).await;
    assert_page(&page, 404);
    assert!(
        page.body
            .contains("id=\"groups-wrong\">There is no group named nix.")
    );
    let answer = stand.act(path_of_groups, &[("groups", "family")]).await;
    assert_leads(&answer, "/admin/apps?done=groups");
    assert!(!opens(&stand.ann.get(&stand.app, &path).await.body));
    stand.act(path_of_groups, &[]).await;
    assert!(opens(&stand.ann.get(&stand.app, &path).await.body));
    assert_page(&stand.act("/admin/apps/nix/groups", &[]).await, 404);

    let answer = stand.act("/admin/apps/wiki/remove", &[]).await;
    assert_leads(&answer, "/admin/apps?done=removed");
    assert_page(&stand.act("/admin/apps/wiki/remove", &[]).await, 404);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn second_factor_of_a_user_is_removed(#[case] engine: Engine) {
    let Some(stand) = stand(engine).await else {
        return;
    };
    let bob = stand.id(BOB);
    stand.app.place.sql(&format!(
        "INSERT INTO totp (user_id, secret, created_at, confirmed_at, last_step) \
         VALUES ({bob}, '', 1, 1, 0)"
    ));
    let page = stand
        .ann
        .get(&stand.app, &format!("/admin/users/{bob}"))
        .await;
    assert!(page.body.contains("Remove the second factor"));
    let path = format!("/admin/users/{bob}/reset-second-factor");
    let answer = stand.act(&path, &[]).await;
    assert_leads(&answer, &format!("/admin/users/{bob}?done=second_factor"));
    assert!(stand.db.second_factors_of(bob).unwrap().totp.is_none());
    let mail = stand.app.mails.next();
    assert!(mail.subject.contains("second factor"), "{}", mail.subject);
}

/// A browser that has lost its administrator between the page and the post.
#[actix_web::test]
async fn former_administrator_cannot_send_an_open_form() {
    let stand = stand(Engine::Sqlite).await.unwrap();
    let path = format!("/admin/users/{}/disable", stand.id(BOB));
    assert_page(&stand.ann.get(&stand.app, &path).await, 200);
    let admins = GroupName::admins();
    stand.db.remove_member(&admins, stand.id(ANN)).unwrap();
    assert_page(&stand.act(&path, &[]).await, 403);
    let bob = visitor(&stand.app, BOB, "bob_pwd").await;
    assert_page(&bob.get(&stand.app, "/account").await, 200);
}

/// The check of the password took so long that the administrator was removed meanwhile.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn membership_is_checked_again_before_the_act(#[case] engine: Engine) {
    let Some(stand) = stand(engine).await else {
        return;
    };
    let (ann, admins) = (stand.id(ANN), GroupName::admins());
    let user = stand.db.find_user_by(ann).unwrap();
    let session = SessionId::parse(&stand.ann.cookie("session_id").unwrap());
    let session = session.unwrap().digest();
    let who = Reauthenticated {
        user_id: ann,
        checked: &user.hashed_password,
        session: &session,
        limit: &[],
    };
    let effects = LoginSideEffects::default();
    let record = || stand.db.record_administrator(&who, &admins, &effects);
    assert!(matches!(record(), Ok(Ok(()))));
    assert_eq!(stand.ann.get(&stand.app, "/admin").await.status, 200);
    stand.db.remove_member(&admins, ann).unwrap();
    assert!(matches!(record(), Err(DbError::NoResultFound)));
}
