//! The templates that are built in.

macro_rules! built_in {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("templates/", $name, ".txt")),
            include_str!(concat!("templates/", $name, ".html")),
        )
    };
}

/// The built-in templates: name of the mail, text with the subject as its first line, HTML.
pub(super) const BUILT_IN: [(&str, &str, &str); 10] = [
    built_in!("password_reset"),
    built_in!("password_changed"),
    built_in!("verify_email"),
    built_in!("confirm_email"),
    built_in!("email_changed"),
    built_in!("new_device"),
    built_in!("account_deleted"),
    built_in!("email_taken_back"),
    built_in!("already_registered"),
    built_in!("test"),
];
