//! Administration in Chromium, with JavaScript and without.

use rstest::rstest;

use crate::http::pages::chromium::Chromium;
use crate::support::program::{Server, finish, program};
use crate::support::{Place, eventually};

const PASSWORD: &str = "eleven rockets";

/// A service with the administrator Ann and 24 users, one with a long address.
fn serve(place: &Place) -> Server {
    let server = Server::start_with(place, &["--password-min-length=8"]);
    let client = reqwest::blocking::Client::new();
    let users = (1..=23).map(|number| format!("user{number:02}@example.org"));
    let long = format!("a{}@example.org", "a".repeat(63));
    for user in users.chain(["ann@example.org".to_owned(), long]) {
        let form = [("email", user.as_str()), ("password", PASSWORD)];
        let answer = client.post(server.url("/users")).form(&form).send();
        assert_eq!(answer.unwrap().status(), 201);
    }
    for arguments in [
        ["group", "create", "admins"].as_slice(),
        &["group", "add", "admins", "ann@example.org"],
    ] {
        assert!(finish(program(place.folder(), arguments)).status.success());
    }
    server
}

#[rstest]
#[case("en", 1280, false)]
#[ignore = "long"]
#[case("fr", 360, true)]
#[ignore = "long"]
#[case("fr", 360, false)]
#[ignore = "long"]
#[case("en", 1280, true)]
fn administrator_works_in_a_browser(
    #[case] language: &str,
    #[case] width: u32,
    #[case] scripts: bool,
) {
    if !Chromium::is_installed() {
        return;
    }
    if scripts && std::env::var_os("TEST_AXE").is_none() {
        eprintln!("SKIPPED: axe-core, because TEST_AXE does not name its script");
    }
    let place = Place::new();
    let server = serve(&place);
    let mut browser = Chromium::open(language, width, scripts);
    // For pages that the end of the test opens once more, in the same state.
    let read = |browser: &mut Chromium, name: &str, english: &str, french: &str| {
        let expected = if language == "fr" { french } else { english };
        let text = browser.text();
        assert!(text.contains(expected), "{name}: {expected}: {text}");
        assert!(!browser.overflows(), "{name}");
        browser.picture(&format!("admin-{name}-{language}-{width}"));
    };
    let see = |browser: &mut Chromium, name: &str, english: &str, french: &str| {
        read(browser, name, english, french);
        if scripts {
            assert_eq!(browser.violations(), [""; 0], "{name}");
        }
    };
    let act = |browser: &mut Chromium, path: &str, then: &str| {
        browser.fill("current_password", PASSWORD);
        browser.submit(path);
        browser.expect_path(then);
    };

    browser.go(&server.url("/admin"));
    browser.expect_path("/login?reason=login_required&next=%2Fadmin");
    browser.fill("email", "ann@example.org");
    browser.fill("password", PASSWORD);
    browser.submit("/login");
    browser.expect_path("/admin");
    read(
        &mut browser,
        "users",
        "user05@example.org",
        "Afficher la suite",
    );
    browser.fill("email", "user1");
    browser.submit("/admin");
    browser.expect_path("/admin?email=user1");
    see(
        &mut browser,
        "search",
        "user19@example.org",
        "user19@example.org",
    );
    assert!(!browser.text().contains("user20@example.org"));

    browser.go(&server.url("/admin/users/7"));
    read(
        &mut browser,
        "user",
        "Disable user",
        "Désactiver l’utilisateur",
    );
    let path = "/admin/users/7/disable";
    browser.go(&server.url(path));
    read(
        &mut browser,
        "disable",
        "will be logged out",
        "sera déconnecté",
    );
    browser.fill("current_password", "wrong one");
    browser.submit(path);
    let wrong = ("The password is wrong.", "Le mot de passe est incorrect.");
    see(&mut browser, "wrong-password", wrong.0, wrong.1);
    act(&mut browser, path, "/admin/users/7?done=disabled");
    see(
        &mut browser,
        "disabled",
        "Enable user",
        "Réactiver l’utilisateur",
    );
    eventually("the row of the act", || {
        browser.go(&server.url("/admin/users/7/audit"));
        browser.text().contains("user_disabled")
    });
    read(
        &mut browser,
        "audit",
        "by an administrator",
        "par un administrateur",
    );
    let path = "/admin/users/8/delete";
    browser.go(&server.url(path));
    browser.fill("user_email", "user08@example.org");
    act(&mut browser, path, "/admin?done=deleted");
    see(&mut browser, "deleted", "was deleted", "a été supprimé");

    browser.go(&server.url("/admin/new-group"));
    read(
        &mut browser,
        "new-group",
        "Create a group",
        "Créer un groupe",
    );
    browser.fill("group", "staff");
    act(
        &mut browser,
        "/admin/new-group",
        "/admin/groups/staff?done=created",
    );
    browser.go(&server.url("/admin/groups/staff/add"));
    browser.fill("user_email", "user09@example.org");
    let then = "/admin/groups/staff?done=added";
    act(&mut browser, "/admin/groups/staff/add", then);
    see(
        &mut browser,
        "group",
        "user09@example.org",
        "user09@example.org",
    );
    browser.go(&server.url("/admin/groups"));
    read(&mut browser, "groups", "staff", "staff");

    browser.go(&server.url("/admin/new-invitation"));
    read(&mut browser, "new-invitation", "(optional)", "(facultatif)");
    browser.fill("group", "staff");
    act(
        &mut browser,
        "/admin/new-invitation",
        "/admin/new-invitation",
    );
    see(&mut browser, "invited", "/invite?token=", "/invite?token=");
    browser.go(&server.url("/admin/invitations"));
    read(&mut browser, "invitations", "Revoke", "Révoquer");

    browser.go(&server.url("/admin/new-app"));
    browser.fill("app", "Wiki");
    browser.fill("url", "wiki.example.org");
    browser.fill("current_password", PASSWORD);
    browser.submit("/admin/new-app");
    see(
        &mut browser,
        "new-app",
        "the scheme and the host alone",
        "le schéma et l’hôte",
    );
    browser.fill("app", "wiki");
    browser.fill("url", "https://wiki.example.org");
    browser.fill("groups", "staff");
    act(&mut browser, "/admin/new-app", "/admin/apps?done=added");
    see(
        &mut browser,
        "apps",
        "https://wiki.example.org",
        "https://wiki.example.org",
    );
    browser.go(&server.url("/account"));
    see(&mut browser, "account", "Administration", "Administration");

    let paths = pages();
    assert!(paths.len() >= 23, "{paths:?}");
    for path in paths {
        browser.go(&server.url(&path));
        browser.expect_path(&path);
        // A page that shows an error leads to no page of administration.
        let is_right = format!(
            "document.documentElement.lang == '{language}' && !document.querySelector('.bad') \
             && !!document.querySelector('main a[href^=\"/admin\"]')"
        );
        browser.until(&path, &is_right);
        assert!(!browser.overflows(), "{path}");
        if scripts {
            assert_eq!(browser.violations(), [""; 0], "{path}");
        }
        let name = path.trim_matches('/').replace('/', "-");
        browser.picture(&format!("page-{name}-{language}-{width}"));
    }
}

/// Every page of administration, as the program's own table has them, about what the tour has made.
fn pages() -> Vec<String> {
    let table = include_str!("../../../../../src/http/pages/admin/mod.rs");
    let paths = table.split("AdminPage::new(\"").skip(1);
    let paths = paths.map(|rest| rest.split('"').next().unwrap());
    // This one answers a script.
    let paths = paths.filter(|path| *path != "/admin/passkey/options");
    let about = paths.map(|path| {
        let id = if path.contains("invitations") {
            "1"
        } else {
            "9"
        };
        let path = path.replace("{group}", "staff").replace("{app}", "wiki");
        path.replace("{id}", id)
    });
    about.collect()
}
