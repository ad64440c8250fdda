//! The pictures of `docs/images`, taken of the pages as they are now.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::chromium::Chromium;
use super::states::{Desk, PASSWORD};

const ANN: &str = "ann@example.org";

/// The pictures that documents show, by the name of their files.
fn in_documents() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// A camera before the window, which keeps the names of its pictures.
#[derive(Default)]
struct Camera {
    taken: BTreeSet<String>,
}

impl Camera {
    /// Opens a page in a window of that width, and takes its picture.
    fn take(&mut self, desk: &mut Desk, path: &str, width: u32, name: &str) {
        desk.go(path);
        self.take_here(desk, width, name);
    }

    /// Takes the picture of the page that is open.
    fn take_here(&mut self, desk: &mut Desk, width: u32, name: &str) {
        let size = json!({"width": width, "height": 1, "deviceScaleFactor": 1, "mobile": false});
        desk.browser
            .call("Emulation.setDeviceMetricsOverride", size);
        // A caret that blinks would be in some pictures and not in others.
        desk.browser.run("document.activeElement.blur();");
        desk.browser.picture_in("light", name);
        self.taken.insert(format!("{name}.png"));
    }
}

#[test]
#[ignore = "long"]
fn each_picture_of_the_documents_is_taken_of_a_page() {
    if !Chromium::is_installed() {
        return;
    }
    let mut desk = Desk::open("en", 440);
    let mut camera = Camera::default();
    camera.take(&mut desk, "/login", 440, "login");

    let names = ["bob", "claire", "dora", "emil", "fritz"];
    for name in names {
        let email = format!("{name}@example.org");
        desk.register(&email);
        desk.log_out();
        if name != "fritz" {
            desk.operator(&["user", "verify", &email]);
        }
    }
    desk.operator(&["user", "disable", "emil@example.org"]);
    desk.register(ANN);
    desk.operator(&["user", "verify", ANN]);
    camera.take(&mut desk, "/account", 440, "account");

    let page = "/account/passkeys";
    desk.go(page);
    desk.browser.fill("name", "My phone");
    desk.browser.fill("current_password", PASSWORD);
    desk.browser
        .run("document.querySelector('form[data-add] button').click()");
    let shown = "!document.querySelector('[data-codes]').hidden";
    desk.browser.until("the recovery codes", shown);
    camera.take(&mut desk, page, 440, "passkeys");

    desk.operator(&["group", "create", "admins"]);
    desk.operator(&["group", "add", "admins", ANN]);
    camera.take(&mut desk, "/admin", 720, "administration");

    desk.log_out();
    desk.log_in("bob@example.org");
    let app = "/account/second-factor/app";
    desk.go(app);
    desk.send(app, &[("current_password", PASSWORD)]);
    camera.take_here(&mut desk, 560, "second-factor");
    assert_eq!(camera.taken, in_documents());
}
