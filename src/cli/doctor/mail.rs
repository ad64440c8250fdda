//! Checks of the mail server and of the sender.

use super::Finding;
use super::examination::{Check, Examination};
use crate::mail::Mailer;
use crate::server;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "mail-server",
        looks_at: "whether the mail server answers, with TLS and login; no mail is sent",
        run: mail_server,
    },
    Check {
        name: "mail-sender",
        looks_at: "the records by which receivers judge the sender's domain",
        run: mail_sender,
    },
];

fn mail_server(examination: &Examination<'_>) -> Vec<Finding> {
    let smtp = match server::mailer(examination.config) {
        Ok(Mailer::Smtp(smtp)) => smtp,
        Ok(Mailer::Folder(_) | Mailer::Development(..) | Mailer::Memory(_) | Mailer::Off) => {
            return vec![no_server()];
        }
        Err(error) => return vec![Finding::of_message(&error.to_string())],
    };
    match smtp.check() {
        Ok(()) => Vec::new(),
        Err(error) => vec![Finding::error(
            error.to_string(),
            "correct --mail (BIENVENUE_MAIL), or the server; try it with `bienvenue mail test \
             EMAIL`",
        )],
    }
}

/// The program has no resolver for these records, so this is only a note.
fn mail_sender(examination: &Examination<'_>) -> Vec<Finding> {
    let config = examination.config;
    let Ok(Mailer::Smtp(_)) = server::mailer(config) else {
        return vec![no_server()];
    };
    let sender = server::sender(config);
    let Some((_, domain)) = sender.as_str().rsplit_once('@') else {
        return Vec::new();
    };
    if domain == "localhost" || !domain.contains('.') {
        return vec![Finding::error(
            format!("the sender {sender} is at no domain: receivers reject its mails"),
            "set --mail-from (BIENVENUE_MAIL_FROM) to an address at your domain",
        )];
    }
    vec![Finding::note(
        format!("receivers reject or hide mails of {domain} without SPF, DKIM and DMARC"),
        format!(
            "look at `dig +short TXT {domain}` (v=spf1, with your mail server), `dig +short TXT \
             SELECTOR._domainkey.{domain}` (v=DKIM1; your mail provider names SELECTOR) and `dig \
             +short TXT _dmarc.{domain}` (v=DMARC1)"
        ),
    )]
}

fn no_server() -> Finding {
    Finding::skipped(
        "the settings name no mail server",
        "set --mail (BIENVENUE_MAIL) to smtp://HOST if users need mails",
    )
}
