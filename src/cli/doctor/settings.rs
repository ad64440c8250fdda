//! Checks of settings that are valid, and that an operator probably does not want.

use std::path::Path;
use std::time::Duration;

use super::Finding;
use super::examination::{Check, Examination};
use crate::config::MailTarget;
use crate::domain::{
    ByMode, DatabaseUrl, EmailVerification, Pooler, Registration, SecondFactorPolicy,
};
use crate::server;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "mode",
        looks_at: "development or production mode, and who can reach the service",
        run: mode,
    },
    Check {
        name: "ops-listener",
        looks_at: "who can reach the ops listener",
        run: ops_listener,
    },
    Check {
        name: "trusted-proxies",
        looks_at: "the proxies that may name the address of a client",
        run: trusted_proxies,
    },
    Check {
        name: "guessing",
        looks_at: "rate limits and the shortest password",
        run: guessing,
    },
    Check {
        name: "mail-settings",
        looks_at: "whether mails that users need can reach them",
        run: mail_settings,
    },
    Check {
        name: "sessions",
        looks_at: "session times that contradict second factors and idle limits",
        run: sessions,
    },
    Check {
        name: "second-factor",
        looks_at: "whether users can set up the second factor that the settings offer",
        run: second_factor,
    },
    Check {
        name: "origins",
        looks_at: "origins whose pages may act for a user",
        run: origins,
    },
    Check {
        name: "pooler",
        looks_at: "the connection pooler that the settings name",
        run: pooler,
    },
    Check {
        name: "templates",
        looks_at: "the templates of mails and pages, and the logo",
        run: templates,
    },
];

fn mode(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let bind = config.bind();
    let is_public = server::is_public(bind.ip());
    let finding = match (config.is_https(), is_public) {
        (true, false) => return Vec::new(),
        (true, true) => Finding::warning(
            format!(
                "the service listens on {bind}: clients that reach this address without the proxy \
                 send passwords unencrypted"
            ),
            "listen on loopback (--bind 127.0.0.1:5000), or admit only the proxy by a firewall",
        ),
        (false, true) => Finding::warning(
            format!(
                "the service is in development mode and listens on {bind}: passwords and cookies \
                 are sent unencrypted, and may be short"
            ),
            "set --public-url (BIENVENUE_PUBLIC_URL) to an https URL, or --bind 127.0.0.1:5000 \
             while you develop",
        ),
        (false, false) => Finding::note(
            "the service is in development mode: cookies are not Secure, and passwords may be short",
            "before going live, set --public-url to an https URL, --mail and --service-name",
        ),
    };
    vec![finding]
}

fn ops_listener(examination: &Examination<'_>) -> Vec<Finding> {
    let bind = examination.config.listening.operator_bind;
    let public = bind.filter(|bind| server::is_public(bind.ip()));
    let finding = public.map(|bind| {
        Finding::error(
            format!("the ops listener serves metrics and error details on {bind}"),
            "set --operator-bind (BIENVENUE_OPERATOR_BIND) to a loopback or private address",
        )
    });
    Vec::from_iter(finding)
}

fn trusted_proxies(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let trusted = config.trusted_proxies();
    let mut findings = Vec::new();
    if let Some(network) = trusted.widest() {
        findings.push(Finding::error(
            format!(
                "--trusted-proxies contains the large network {network}: clients in it can evade \
                 rate limits by forged addresses"
            ),
            "name the addresses of your proxies only",
        ));
    }
    let is_default = matches!(config.listening.trusted_proxies, ByMode::Default { .. });
    let bind = config.bind().ip();
    let is_elsewhere = !bind.is_loopback() && !bind.is_unspecified();
    if config.is_https() && trusted.is_empty() {
        findings.push(Finding::error(
            "no proxy is trusted: all clients behind the proxy share its address and its rate \
             limits",
            "set --trusted-proxies (BIENVENUE_TRUSTED_PROXIES) to the address of the proxy",
        ));
    } else if config.is_https() && is_default && is_elsewhere {
        findings.push(Finding::warning(
            format!(
                "the service listens on {bind}, so its proxy is on another machine, and only \
                 proxies on this machine are trusted"
            ),
            "set --trusted-proxies (BIENVENUE_TRUSTED_PROXIES) to the address of the proxy",
        ));
    }
    findings
}

fn guessing(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let mut findings = Vec::new();
    if config.is_https() && !config.throttling.throttle {
        findings.push(Finding::error(
            "rate limits are off: password guessing is not limited",
            "remove --throttle off (BIENVENUE_THROTTLE)",
        ));
    }
    let shortest = config.password_min_length();
    if config.is_https() && shortest < 8 {
        findings.push(Finding::warning(
            format!("passwords may have {shortest} characters, and common ones are not refused"),
            "remove --password-min-length (BIENVENUE_PASSWORD_MIN_LENGTH), or set it to 8 or more",
        ));
    }
    findings
}

fn mail_settings(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    if !config.is_https() {
        return Vec::new();
    }
    let accounts = &config.accounts;
    let mut findings = Vec::new();
    let is_sent = matches!(accounts.mail, Some(MailTarget::Server(_)));
    let folder = match &accounts.mail {
        None => Some(Path::new(server::DEFAULT_FOLDER)),
        Some(MailTarget::Folder(folder)) => Some(folder.as_path()),
        Some(MailTarget::Server(_) | MailTarget::Off) => None,
    };
    let set = "set --mail (BIENVENUE_MAIL) to a mail server";
    if let Some(folder) = folder {
        findings.push(Finding::warning(
            format!(
                "mails are written to the folder {}, and users do not receive them",
                folder.display()
            ),
            format!("{set}, or to off"),
        ));
    }
    if !is_sent && accounts.rules.email_verification == EmailVerification::Required {
        findings.push(Finding::error(
            "new users have to verify their email, and no mail is sent: registrations cannot be completed",
            format!("{set}, or set --email-verification off"),
        ));
    }
    if !is_sent && accounts.rules.registration == Registration::Conceal {
        findings.push(Finding::error(
            "a registration is completed by a mail (--registration conceal), and no mail is sent",
            format!("{set}, or set --registration reveal"),
        ));
    }
    if is_sent && !config.pages.pages && accounts.reset_page.is_none() {
        findings.push(Finding::warning(
            "mails about forgotten passwords have a command for a terminal instead of a link: \
             --pages is off and there is no --reset-page",
            "set --reset-page (BIENVENUE_RESET_PAGE) to a page of your application",
        ));
    }
    findings
}

/// The longest lifetime of a session that needs no comment.
const LONG_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// The shortest idle limit that needs no comment.
const SHORT_IDLE: Duration = Duration::from_secs(5 * 60);

fn sessions(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let sessions = &config.sessions;
    let mut findings = Vec::new();
    if config.is_https() && sessions.session_lifetime > LONG_LIFETIME {
        findings.push(Finding::warning(
            "a stolen session cookie is valid for more than 90 days (--session-lifetime)",
            "set --session-lifetime (BIENVENUE_SESSION_LIFETIME) to 30d or less",
        ));
    }
    if sessions.idle() < SHORT_IDLE {
        findings.push(Finding::warning(
            "users are logged out within five minutes without a request (--session-idle)",
            "set --session-idle (BIENVENUE_SESSION_IDLE) to 15m or more",
        ));
    }
    if config.is_https() && *config.sessions.sessions_per_user.of(config.mode()) == 1 {
        findings.push(Finding::note(
            "a login on a second device ends the session on the first (--sessions-per-user 1)",
            "remove --sessions-per-user (BIENVENUE_SESSIONS_PER_USER) if that is not intended",
        ));
    }
    findings
}

fn second_factor(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let is_required = match config.second_factor.second_factor {
        SecondFactorPolicy::Off => return Vec::new(),
        SecondFactorPolicy::Optional => false,
        SecondFactorPolicy::Required => true,
    };
    let mut findings = Vec::new();
    let remedy = "make a key with `openssl rand -hex 32` in a file of mode 600, and name it with \
                  --secret-key-file (BIENVENUE_SECRET_KEY_FILE)";
    if server::secret_keys(config).path().is_none() {
        let finding = "there is no secret key: users cannot set up authenticator apps";
        findings.push(if is_required {
            Finding::error(finding, remedy)
        } else {
            Finding::warning(finding, remedy)
        });
    }
    if config.is_https() && server::relying_party(config).is_none() {
        findings.push(Finding::warning(
            "the host of --public-url is no name: users cannot register passkeys",
            "set --public-url (BIENVENUE_PUBLIC_URL) to a URL with the name of a host",
        ));
    }
    if is_required && !config.pages.pages {
        findings.push(Finding::note(
            "a second factor is required and --pages is off: users set it up by the API alone",
            "make sure that your application has a page for it, or set --pages on",
        ));
    }
    findings
}

fn origins(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let Some(origins) = &config.listening.allowed_origins else {
        return Vec::new();
    };
    let plain = origins.to_vec().into_iter().filter(|origin| {
        // On https, a page of this machine is one of any program that users run.
        config.is_https() && !origin.is_https()
    });
    plain
        .map(|origin| {
            Finding::warning(
                format!("pages at {origin} may act for users: any program can serve that origin"),
                "remove it from --allowed-origins (BIENVENUE_ALLOWED_ORIGINS)",
            )
        })
        .collect()
}

fn pooler(examination: &Examination<'_>) -> Vec<Finding> {
    let database = &examination.config.database;
    match (&database.database_url, database.connections.database_pooler) {
        (DatabaseUrl::Sqlite(_), Pooler::Session | Pooler::Transaction) => vec![Finding::warning(
            "--database-pooler has no effect: the database is a SQLite file",
            "correct DATABASE_URL, or remove --database-pooler (BIENVENUE_DATABASE_POOLER)",
        )],
        // A wrong mode on PostgreSQL is found when the database is opened.
        (DatabaseUrl::Sqlite(_) | DatabaseUrl::Postgres(_), _) => Vec::new(),
    }
}

fn templates(examination: &Examination<'_>) -> Vec<Finding> {
    match server::check_templates(examination.config) {
        Ok(()) => Vec::new(),
        Err(error) => vec![Finding::error(
            error.to_string(),
            "correct the file, or remove the setting: the service does not start with it",
        )],
    }
}
