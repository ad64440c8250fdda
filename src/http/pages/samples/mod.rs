//! Every page in every state, to check the templates.

mod admin;

use minijinja::value::Serde;
use minijinja::{Value, context};

use crate::auth::AccountRules;
use crate::domain::{EmailVerification, Registration, SecondFactorPolicy};
use crate::http::openapi::sections;
use crate::http::pages::field::Field;
use crate::http::pages::message::Message;
use crate::http::pages::view::View;
use crate::http::{FormError, HttpError};

/// The pages, with a text in each place that shows outside input.
pub(crate) fn views(text: &str) -> Vec<View> {
    let mut views = Vec::new();
    for view in plain(text) {
        let mut wrong = view.clone().alert(Message::new("alert.fields"));
        for field in &mut wrong.fields {
            let name = field.name;
            *field = field.clone().filled(text);
            field.set_wrong(&HttpError::from(FormError::Missing(name)));
        }
        let noted = view.clone().notice(Some(Message::new("reason.logged_out")));
        views.extend([view, noted, wrong]);
    }
    views
}

fn passkeys(text: &str, any: bool) -> Value {
    let passkey = context! {
        id => 1, name => text, rp_id => text, backed_up => any, created_at => text,
        last_used_at => any.then_some(text),
    };
    let passkeys: Vec<Value> = any.then_some(passkey).into_iter().collect();
    context! { passkeys, after => any.then_some(1), has_factor => any, has_app => any, can_add => any }
}

fn passkey(text: &str, intro: &str, on: bool) -> View {
    let shown = on.then_some(text);
    View::new("account_passkey.html", "passkeys.remove_title").data(context! {
        id => 1, name => text, email => shown, intro, action => text, submit => "passkeys.remove",
        danger => on, recovery => on, other => shown,
    })
}

fn plain(text: &str) -> Vec<View> {
    let rules = AccountRules {
        password_min_length: 15,
        registration: Registration::default(),
        email_verification: EmailVerification::default(),
        second_factor: SecondFactorPolicy::default(),
    };
    let new_password = || vec![Field::new_password(&rules)];
    let login = || View::new("login.html", "login.title");
    let credentials = || vec![Field::account_email().filled(text), Field::password()];
    let registration = vec![Field::own_email(), Field::first_password(&rules)];
    let register = View::new("register.html", "register.title").fields(registration);
    let forgot = View::new("forgot.html", "forgot.title").fields([Field::account_email()]);
    let verify = View::new("verify_email.html", "verify.title");
    let verify = verify.message(Message::new("verify.no_token"));
    let owner = |template, title| View::new(template, title).data(context! { email => text });
    let mail = context! { to => text, subject => text, link => text, text };
    let mails = View::new("development_mails.html", "development.title").wide();
    let mut views = vec![
        mails.clone().data(context! { mails => [mail] }),
        mails.data(context! { mails => Vec::<Value>::new() }),
        View::new("message.html", "error.heading.404").message(Message::new("error.not_found")),
        View::new("docs.html", "docs.title")
            .wide()
            .data(context! { sections => Serde(sections()), shown => () }),
        View::new("docs.html", "docs.title").wide().data(
            context! { sections => Serde(sections()), shown => sections().first().map(Serde) },
        ),
        View::new("account_export.html", "export.title"),
        View::new("account.html", "account.title").data(context! { account => account(text) }),
        View::new("account.html", "account.title").data(context! { account => new_account(text) }),
        View::new("account_sessions.html", "sessions.title")
            .wide()
            .data(sessions(text)),
        View::new("account_activity.html", "activity.title")
            .wide()
            .data(activity(text)),
        View::new("account_activity.html", "activity.title")
            .wide()
            .data(context! { events => Vec::<Value>::new(), after => () }),
        View::new("account_passkeys.html", "passkeys.title").data(passkeys(text, true)),
        passkey(text, "passkeys.remove_intro", true)
            .fields([Field::current_password(), Field::totp_code()]),
        passkey(text, "passkeys.rename_intro", false).fields([Field::passkey_name().filled(text)]),
        View::new("account_passkeys.html", "passkeys.title").data(passkeys(text, false)),
        View::new("account_password.html", "password.title")
            .fields(new_password())
            .data(context! { email => text, keep => true }),
        owner("account_email.html", "email.title").fields([Field::new_email()]),
        owner("account_delete.html", "delete.title").fields([Field::current_password()]),
        owner("logout.html", "logout.title"),
        owner("denied.html", "error.heading.403").data(context! { email => text, app => text }),
        owner("denied.html", "error.heading.403").data(context! { email => text, app => () }),
    ];
    views.extend(second_factor(text));
    views.extend(admin::views(text));
    for on in [true, false] {
        let data = context! { keep => on, registration_open => on, passkeys => on };
        views.push(login().fields(credentials()).data(data));
        let code = [Field::totp_code(), Field::recovery_code()];
        let code = View::new("login_code.html", "login_code.title").fields(code);
        views.push(code.data(
            context! { keep => on, recovery => on, app => on, passkeys => on, other => text },
        ));
        views.push(register.clone().data(context! { registration_open => on }));
        views.push(forgot.clone().data(context! { sent => on }));
        let invite = View::new("invite.html", "invite.title");
        let invited = vec![
            Field::own_email().filled(text),
            Field::first_password(&rules),
        ];
        views.push(invite.fields(invited).data(context! { usable => on }));
        let reset = View::new("reset.html", "reset.title").fields(new_password());
        views.push(reset.data(context! { usable => on }));
        views.push(verify.clone().data(context! { usable => on }));
        let undo = View::new("undo.html", "undo.title").message(Message::new("undo.done"));
        views.push(undo.data(context! { usable => on }));
    }
    views
}

fn second_factor(text: &str) -> Vec<View> {
    let client = |device: Option<&str>| context! { device, ip => device };
    let change = |device| {
        let (what, at) = ("factor_change.totp_added", "2026-11-26 18:40 UTC");
        context! { what, at, ..client(device) }
    };
    let app = context! { since => "2026-11-26 18:40 UTC", ..client(Some(text)) };
    let overview = |app: Option<Value>, codes_left: u32, on: bool| {
        let changes = [change(Some(text)), change(None)];
        let data = context! {
            app, codes_left, changes, required => on, locked_in => on, off => on,
            has_passkey => on, passkeys_work => on,
        };
        View::new("second_factor.html", "second_factor.title").data(data)
    };
    let password = View::new("second_factor_password.html", "totp.title");
    let password = password.fields([Field::current_password()]).data(context! {
        email => text,
        intro => "totp.password_intro",
        action => "/account/second-factor/app",
        submit => "totp.continue",
    });
    let begun = |secret: Option<&str>| {
        let view = View::new("second_factor_app.html", "totp.title");
        let data = context! {
            secret, shown_secret => secret, uri => secret, qr_svg => secret.map(|_| "<svg></svg>"),
        };
        view.fields([Field::totp_code()]).data(data)
    };
    let removal = |recovery: bool| {
        let fields = [Field::current_password(), Field::second_factor(recovery)];
        let view = View::new("second_factor_remove.html", "totp.remove_title").fields(fields);
        view.data(context! { email => text, recovery })
    };
    let codes = View::new("recovery_codes.html", "recovery_codes.title");
    vec![
        overview(Some(app), 10, false),
        overview(None, 0, false),
        overview(None, 0, true),
        password,
        begun(Some(text)),
        begun(None),
        removal(true),
        removal(false),
        codes.data(context! { codes => vec![text.to_owned()], onward => text }),
    ]
}

fn account(text: &str) -> Value {
    context! {
        email => text,
        verified => true,
        is_administrator => true,
        created_at => "2026-11-26 18:40 UTC",
        last_login_at => "2026-11-26 18:40 UTC",
        factor => context! {
            app => context! { since => "2026-11-26 18:40 UTC" }, has_passkey => true, codes_left => 9,
        },
        last_change => context! {
            what => "factor_change.totp_added",
            at => "2026-11-26 18:40 UTC",
            device => text,
            ip => text,
        },
    }
}

fn new_account(text: &str) -> Value {
    context! {
        email => text,
        verified => false,
        is_administrator => false,
        created_at => (),
        last_login_at => (),
        factor => context! { app => (), has_passkey => true, codes_left => 1 },
        last_change => (),
    }
}

fn sessions(text: &str) -> Value {
    let session = |current: bool, device: Option<&str>| {
        context! {
            id => text,
            device,
            current,
            created_at => "2026-11-26 18:40 UTC",
            last_seen_at => "2026-11-26 18:40 UTC",
            ip => device,
        }
    };
    context! {
        sessions => [session(true, Some(text)), session(false, Some(text)), session(false, None)],
        others => true,
        after => text,
    }
}

fn activity(text: &str) -> Value {
    let event = |what: Option<&str>, by: Option<&str>, shown: Option<&str>| {
        context! {
            what, by, name => text, at => "2026-11-26 18:40 UTC", device => shown, ip => shown,
            app => shown, group => shown, repeats => shown.map(|_| 7),
        }
    };
    let events = [
        event(Some("activity.login"), None, Some(text)),
        event(None, Some("activity.by_operator"), None),
    ];
    context! { events, after => 1 }
}
