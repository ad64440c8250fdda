//! The texts of refused acts, and the fields that they are about.

use crate::auth::ActRefusal;
use crate::domain::AppName;
use crate::http::pages::message::Message;

/// The message of a refusal.
pub(super) fn message(refusal: &ActRefusal) -> Message {
    match refusal {
        ActRefusal::OwnAccount => Message::new("admin.refused.own_account"),
        ActRefusal::NoSuchUser => Message::new("admin.refused.no_user"),
        ActRefusal::OtherEmail => Message::new("admin.refused.other_email"),
        ActRefusal::UserDisabled => Message::new("admin.refused.user_disabled"),
        ActRefusal::EnoughMails => Message::new("admin.refused.enough_mails"),
        ActRefusal::GroupExists => Message::new("admin.refused.group_exists"),
        ActRefusal::NoSuchGroup(group) => {
            Message::new("admin.refused.no_group").with("group", group.as_str())
        }
        ActRefusal::GroupInUse(apps) => {
            let apps: Vec<&str> = apps.iter().map(AppName::as_str).collect();
            Message::new("admin.refused.group_in_use").with("apps", apps.join(", "))
        }
        ActRefusal::GroupOfAdmins => Message::new("admin.refused.group_of_admins"),
        ActRefusal::AppExists(app) => {
            Message::new("admin.refused.app_exists").with("app", app.as_str())
        }
        ActRefusal::NoSuchApp => Message::new("admin.refused.no_app"),
        ActRefusal::NoSuchInvitation => Message::new("admin.refused.no_invitation"),
    }
}

/// The fields that a refusal is about, as far as a form has them.
pub(super) const fn fields(refusal: &ActRefusal) -> &'static [&'static str] {
    match refusal {
        ActRefusal::NoSuchUser | ActRefusal::OtherEmail => &["user_email"],
        ActRefusal::GroupExists | ActRefusal::NoSuchGroup(_) => &["group", "groups"],
        ActRefusal::AppExists(_) => &["app"],
        ActRefusal::OwnAccount
        | ActRefusal::UserDisabled
        | ActRefusal::EnoughMails
        | ActRefusal::GroupInUse(_)
        | ActRefusal::GroupOfAdmins
        | ActRefusal::NoSuchApp
        | ActRefusal::NoSuchInvitation => &[],
    }
}
