//! Audit events of administrators, in the log of the real program.

use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::support::Place;
use crate::support::program::{Server, finish, program};

const PASSWORD: &str = "ann_pwd";

fn serve(place: &Place) -> Server {
    let arguments = ["--bind", "127.0.0.1:0", "--log-format", "json"];
    let mut command = program(place.folder(), &arguments);
    command.env("DATABASE_URL", place.url_text());
    command.args(["--bcrypt-cost", "4"]);
    Server::spawn(command)
}

/// A client of the service that posts forms as a browser does.
struct Browser<'a> {
    client: Client,
    server: &'a Server,
    session: String,
}

impl<'a> Browser<'a> {
    fn log_in(server: &'a Server, email: &str) -> Self {
        let client = Client::builder().redirect(Policy::none());
        let mut browser = Self {
            client: client.build().unwrap(),
            server,
            session: String::new(),
        };
        let form = [("email", email), ("password", PASSWORD)];
        assert_eq!(browser.post("/users", &form).0, 201);
        let (status, body) = browser.post("/sessions", &form);
        assert_eq!(status, 200);
        let body: Value = serde_json::from_str(&body).unwrap();
        browser.session = format!("session_id={}", body["session_id"].as_str().unwrap());
        browser
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        let request = self.client.post(self.server.url(path)).form(form);
        let answer = request.header("Cookie", &self.session).send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    }

    fn act(&self, path: &str, fields: &[(&str, &str)]) -> u16 {
        let mut form = fields.to_vec();
        form.push(("current_password", PASSWORD));
        self.post(path, &form).0
    }
}

/// The acts of administrators: event, outcome, administrator, what it is about, and the reason.
fn acts_in(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let acts = lines.filter(|line: &Value| line["by"] == "administrator");
    acts.map(|line| {
        assert_eq!(line["client_ip"], "127.0.0.1");
        assert!(!line.to_string().contains('@'), "{line}");
        let about = ["user_id", "group", "app"].map(|key| &line[key]);
        let [event, outcome, by] = ["event", "outcome", "by_user_id"].map(|key| &line[key]);
        json!([event, outcome, by, about, line["reason"]])
    })
    .collect()
}

#[test]
fn r104_each_act_is_logged_with_its_administrator() {
    let place = Place::new();
    let mut server = serve(&place);
    let ann = Browser::log_in(&server, "ann@x.fr");
    Browser::log_in(&server, "bob@x.fr");
    let database = place.url_text();
    for arguments in [
        ["group", "create", "admins"].as_slice(),
        &["group", "add", "admins", "ann@x.fr"],
    ] {
        let mut command = program(place.folder(), arguments);
        command.env("DATABASE_URL", &database);
        assert!(finish(command).status.success());
    }
    let wiki: &[_] = &[("app", "wiki"), ("url", "https://wiki.example.org")];
    let (user, group, app) = (
        json!([2, null, null]),
        json!([null, "staff", null]),
        json!([null, null, "wiki"]),
    );
    let member = json!([2, "staff", null]);
    let bob: &[_] = &[("user_email", "bob@x.fr")];
    let staff: &[_] = &[("group", "staff")];
    let invitation: &[_] = &[("group", "staff"), ("days", "7")];
    let acts = [
        ("/admin/users/2/disable", &[][..], "user_disabled", &user),
        ("/admin/users/2/enable", &[], "user_enabled", &user),
        ("/admin/users/2/end-sessions", &[], "session_ended", &user),
        (
            "/admin/users/2/reset-link",
            &[],
            "authn_password_reset",
            &user,
        ),
        ("/admin/new-group", staff, "group_created", &group),
        (
            "/admin/groups/staff/add",
            bob,
            "group_member_added",
            &member,
        ),
        (
            "/admin/groups/staff/remove/2",
            &[],
            "group_member_removed",
            &member,
        ),
        (
            "/admin/new-invitation",
            invitation,
            "invitation_created",
            &group,
        ),
        (
            "/admin/invitations/1/revoke",
            &[],
            "invitation_revoked",
            &json!([null, null, null]),
        ),
        ("/admin/new-app", wiki, "app_created", &app),
        (
            "/admin/apps/wiki/groups",
            &[("groups", "staff")],
            "app_updated",
            &app,
        ),
        ("/admin/apps/wiki/remove", &[], "app_deleted", &app),
        ("/admin/groups/staff/delete", &[], "group_deleted", &group),
        ("/admin/users/2/delete", bob, "user_deleted", &user),
    ];
    let mut expected = Vec::new();
    for (path, fields, event, about) in acts {
        let status = ann.act(path, fields);
        assert!([200, 303].contains(&status), "{path}: {status}");
        expected.push(json!([event, "success", 1, about, null]));
    }
    // Refused acts, of the administrator and of a user.
    assert_eq!(ann.act("/admin/users/1/disable", &[]), 409);
    expected.push(json!([
        "authn_reauth_fail",
        "failure",
        1,
        [1, null, null],
        "own_account"
    ]));
    let form = [("current_password", "wrong")];
    assert_eq!(ann.post("/admin/users/1/end-sessions", &form).0, 403);
    expected.push(json!([
        "authn_reauth_fail",
        "failure",
        1,
        [1, null, null],
        "wrong_password"
    ]));

    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    assert_eq!(acts_in(&log), expected);
}
