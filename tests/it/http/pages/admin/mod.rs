//! Administration in the browser.

mod acts;
mod audit;
mod gate;
mod lists;
mod passkey;
mod tour;

use bienvenue::db::DB;
use bienvenue::domain::{GroupName, UserId};

use super::visitor::Visitor;
use crate::support::app::{App, Setup};
use crate::support::{email, settings};

const ANN: &str = "ann@x.fr";
const BOB: &str = "bob@x.fr";
const PASSWORD: &str = "ann_pwd";

/// A service with the administrator Ann, the user Bob, and a connection of the test's own.
struct Stand {
    app: App,
    db: DB,
    ann: Visitor,
}

impl Stand {
    async fn start(setup: Setup) -> Self {
        let clock = setup.clock.clone();
        let app = setup.start().await;
        let db = app.place.open(settings(&clock));
        for (user, password) in [(ANN, PASSWORD), (BOB, "bob_pwd")] {
            app.register(user, password).await;
        }
        db.create_group(&GroupName::admins()).unwrap();
        let stand = Self {
            ann: visitor(&app, ANN, PASSWORD).await,
            app,
            db,
        };
        stand.make_admin(ANN);
        stand
    }

    fn id(&self, of: &str) -> UserId {
        self.db.find_user_by(&email(of)).unwrap().id
    }

    fn make_admin(&self, user: &str) {
        let admins = GroupName::admins();
        self.db.add_member(&admins, self.id(user)).unwrap();
    }

    /// Ann posts a form with her password.
    async fn act(&self, path: &str, fields: &[(&str, &str)]) -> crate::support::app::Answer {
        let mut form = fields.to_vec();
        form.push(("current_password", PASSWORD));
        self.ann.post(&self.app, path, &form).await
    }
}

/// A browser whose user is logged in.
async fn visitor(app: &App, user: &str, password: &str) -> Visitor {
    let visitor = Visitor::default();
    let form = [("email", user), ("password", password)];
    visitor.post(app, "/login", &form).await;
    assert!(visitor.cookie("session_id").is_some());
    visitor
}
