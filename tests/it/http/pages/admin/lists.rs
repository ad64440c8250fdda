//! Lists of administration: search, order, and paging by key.

use bienvenue::domain::{GroupName, HashedPassword};
use rstest::rstest;

use super::{ANN, BOB, Stand};
use crate::http::pages::assert_page;
use crate::http::pages::bytes::assert_small;
use crate::support::app::Setup;
use crate::support::{Engine, Place, email, settings};

/// The addresses in a page, and the way to the next one.
fn listed(page: &str) -> (Vec<String>, Option<String>) {
    let rows = page.split("<li><a href=\"/admin/users/").skip(1);
    let addresses = rows.map(|row| {
        let (_, text) = row.split_once("<span>").unwrap();
        text.split(['<', ' ']).next().unwrap().to_owned()
    });
    let more = page.split_once("<a class=\"button quiet\" href=\"");
    let more = more.map(|(_, rest)| rest.split('"').next().unwrap());
    let more = more.map(|path| path.replace("&#x2f;", "/").replace("&amp;", "&"));
    (addresses.collect(), more)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn users_are_listed_by_address_page_by_page(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let stand = Stand::start(Setup::at(place)).await;
    // In another order than that of their numbers, and in letters of both cases.
    let rows = (0..1000).map(|number| {
        let address = format!("user{:03}@x.fr", (number * 37) % 1000);
        let typed = address.replacen('u', if number % 2 == 0 { "u" } else { "U" }, 1);
        format!("('{typed}', '!', '{address}')")
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    let insert = format!("INSERT INTO users (email, hashed_password, email_key) VALUES {rows}");
    stand.app.place.sql(&insert);
    let all: Vec<String> = (0..1000)
        .map(|name| format!("user{name:03}@x.fr"))
        .collect();
    for (path, expected) in [
        ("/admin?email=user", &all[..]),
        ("/admin?email=USER0", &all[..100]),
        ("/admin?email=user123%40", &all[123..124]),
    ] {
        let (mut seen, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let page = stand.ann.get(&stand.app, &path).await;
            assert_page(&page, 200);
            let (addresses, more) = listed(&page.body);
            assert!(addresses.len() <= 20);
            seen.extend(addresses.into_iter().map(|address| address.to_lowercase()));
            next = more;
        }
        assert_eq!(seen, expected);
    }
    let page = stand.ann.get(&stand.app, "/admin").await;
    let (addresses, _) = listed(&page.body);
    assert_eq!(addresses[..2], [ANN, "bob@x.fr"]);
    let page = stand.ann.get(&stand.app, "/admin?email=nix").await;
    assert!(page.body.contains("No address begins like that."));
    for hostile in ["%22%3E%3Cscript%3E", "%25", "_", "%F4%8F%BF%BF", "%00"] {
        let page = stand
            .ann
            .get(&stand.app, &format!("/admin?email={hostile}"))
            .await;
        assert_page(&page, 200);
        assert!(!page.body.contains("<script"), "{}", page.body);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn beginning_of_an_address_finds_exactly_its_users(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&bienvenue::domain::Clock::system()));
    let hash = HashedPassword::unusable();
    let all = [
        "a@x.fr",
        "a-b@x.fr",
        "a.b@x.fr",
        "a_b@x.fr",
        "ab@x.fr",
        "ábc@x.fr",
        "b@x.fr",
        "zoë@x.fr",
        "𝒵@x.fr",
    ];
    for address in all {
        db.add_user(&email(address), &hash).unwrap();
    }
    let found = |beginning: &str, after: Option<&str>, limit| {
        let after = after.map(email);
        let users = db.users_by_email(beginning, after.as_ref(), limit);
        let users = users.unwrap().into_iter();
        users.map(|user| user.email.to_string()).collect::<Vec<_>>()
    };
    let mut sorted: Vec<&str> = all.to_vec();
    sorted.sort_unstable();
    assert_eq!(found("", None, 99), sorted);
    for beginning in [
        "a",
        "A",
        "a-",
        "a.",
        "a_",
        "á",
        "Á",
        "z",
        "zoë@x.fr",
        "𝒵",
        "%",
        "x",
    ] {
        let key = beginning.to_lowercase();
        let expected: Vec<&&str> = sorted.iter().filter(|all| all.starts_with(&key)).collect();
        let found = found(beginning, None, 99);
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{beginning}");
    }
    let mut pages = Vec::new();
    while let [one] = &found("", pages.last().map(String::as_str), 1)[..] {
        pages.push(one.clone());
    }
    assert_eq!(pages, sorted);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn groups_members_and_applications_are_paged(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let stand = Stand::start(Setup::at(place)).await;
    let hash = HashedPassword::unusable();
    let staff: GroupName = "staff".parse().unwrap();
    stand.db.create_group(&staff).unwrap();
    for number in 0..30 {
        let user = email(&format!("user{number:02}@x.fr"));
        let id = stand.db.add_user(&user, &hash).unwrap().id;
        stand.db.add_member(&staff, id).unwrap();
        let group = format!("group{number:02}").parse().unwrap();
        stand.db.create_group(&group).unwrap();
        let app = bienvenue::domain::App {
            name: format!("app{number:02}").parse().unwrap(),
            origin: bienvenue::domain::Origin::of_app(&format!("https://a{number}.example.org"))
                .unwrap(),
            groups: vec![group],
            second_factor: false,
        };
        stand.db.add_app(&app).unwrap();
        stand.act("/admin/new-invitation", &[("days", "7")]).await;
    }
    for (path, text, total) in [
        ("/admin/groups/staff", "@x.fr</a>", 30),
        ("/admin/groups", "<li><a href=\"/admin/groups/", 32),
        ("/admin/apps", "<h2>app", 30),
        ("/admin/invitations", "/revoke\"", 30),
    ] {
        let (mut seen, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let page = stand.ann.get(&stand.app, &path).await;
            assert_page(&page, 200);
            seen.push(page.body.matches(text).count());
            next = listed(&page.body).1;
        }
        assert_eq!(seen.iter().sum::<usize>(), total, "{path}");
        assert!(
            seen.iter().all(|rows| (1..=20).contains(rows)),
            "{path}: {seen:?}"
        );
    }
}

/// Users have addresses of 64 letters; groups and applications have names of 40.
#[actix_web::test]
async fn pages_of_administration_fit_into_14_kib() {
    let stand = Stand::start(Setup::new()).await;
    let name = |number: u32| format!("{number:02}-{}", "x".repeat(37));
    let group: GroupName = name(0).parse().unwrap();
    for number in 0..30 {
        stand
            .db
            .create_group(&name(number).parse().unwrap())
            .unwrap();
    }
    let groups: Vec<GroupName> = (0..5).map(|number| name(number).parse().unwrap()).collect();
    for number in 0..30 {
        let user = email(&format!("{}{number:02}@example.org", "user".repeat(12)));
        let id = stand.db.add_user(&user, &HashedPassword::unusable());
        stand.db.add_member(&group, id.unwrap().id).unwrap();
        let url = format!("https://{}.example.org", name(number));
        let app = bienvenue::domain::App {
            name: name(number).parse().unwrap(),
            origin: bienvenue::domain::Origin::of_app(&url).unwrap(),
            groups: groups.clone(),
            second_factor: true,
        };
        stand.db.add_app(&app).unwrap();
        let invited = user.as_str().replace("user", "guest");
        let form = [
            ("email", &*invited),
            ("group", group.as_str()),
            ("days", "7"),
        ];
        stand.act("/admin/new-invitation", &form).await;
    }
    let user = format!("/admin/users/{}", stand.id(BOB));
    stand.db.add_member(&group, stand.id(BOB)).unwrap();
    let of_group = format!("/admin/groups/{group}");
    for (path, pages) in [
        ("/admin", 2),
        ("/admin/groups", 2),
        (&*of_group, 2),
        ("/admin/apps", 2),
        ("/admin/invitations", 2),
        (&*user, 1),
        (&*format!("{user}/audit"), 1),
        ("/admin/new-app", 1),
    ] {
        let found = assert_small(&stand.app, &stand.ann, path).await;
        assert!(found >= pages, "{path}: {found}");
    }
}

#[actix_web::test]
async fn navigation_marks_the_section_of_the_page() {
    let stand = Stand::start(Setup::at(Place::new())).await;
    let user = format!("/admin/users/{}", stand.id(BOB));
    let audit = format!("{user}/audit");
    for (path, section) in [
        ("/admin", "/admin"),
        (&user, "/admin"),
        (&audit, "/admin"),
        ("/admin/groups", "/admin/groups"),
        ("/admin/groups/admins", "/admin/groups"),
        ("/admin/invitations", "/admin/invitations"),
        ("/admin/apps", "/admin/apps"),
    ] {
        let page = stand.ann.get(&stand.app, path).await;
        assert_page(&page, 200);
        let marked: Vec<&str> = page.body.matches(" aria-current=\"true\">").collect();
        assert_eq!(marked.len(), 1, "{path}");
        let link = format!("<a href=\"{section}\" aria-current=\"true\">");
        assert!(page.body.contains(&link), "{path}: {}", page.body);
    }
}
