//! The built-in templates.

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("templates/", $name)))),+]
    };
}

/// The built-in templates by file name.
pub(super) const BUILT_IN: [(&str, &str); 42] = built_in![
    "account.html",
    "account_activity.html",
    "account_delete.html",
    "account_email.html",
    "account_export.html",
    "account_passkey.html",
    "account_passkeys.html",
    "account_password.html",
    "account_sessions.html",
    "admin_act.html",
    "admin_apps.html",
    "admin_audit.html",
    "admin_group.html",
    "admin_groups.html",
    "admin_invitation.html",
    "admin_invitations.html",
    "admin_nav.html",
    "admin_user.html",
    "admin_users.html",
    "back.html",
    "base.html",
    "denied.html",
    "development_mails.html",
    "docs.html",
    "fields.html",
    "forgot.html",
    "keep.html",
    "login.html",
    "login_code.html",
    "logout.html",
    "message.html",
    "passkey_failed.html",
    "recovery_codes.html",
    "register.html",
    "invite.html",
    "reset.html",
    "second_factor.html",
    "second_factor_app.html",
    "second_factor_password.html",
    "second_factor_remove.html",
    "undo.html",
    "verify_email.html",
];

/// The source of the built-in template of this name.
pub(super) fn source(name: &str) -> Option<String> {
    let mut all = BUILT_IN.into_iter();
    let (_, source) = all.find(|(known, _)| *known == name)?;
    Some(source.to_owned())
}

/// Their names, for a message.
pub(super) fn names() -> String {
    BUILT_IN.map(|(name, _)| name).join(", ")
}
