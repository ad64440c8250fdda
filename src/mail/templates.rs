//! Mail templates: built-in ones, and the operator's.

use std::fs;
use std::path::{Path, PathBuf};

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use super::builtin_templates::BUILT_IN;
use super::{Mail, MailDraft, MailKind, MailToken};
use crate::domain::{Email, device_names};

/// The settings of templates. Nothing in them comes from a request.
#[derive(Debug, Clone)]
pub struct TemplateSettings {
    /// A folder with templates that replace built-in ones.
    pub folder: Option<PathBuf>,
    /// The page where users set a new password.
    pub reset_page: Option<Url>,
    /// The page where users confirm an address.
    pub verify_page: Option<Url>,
    /// The name of the service.
    pub service: String,
    /// The URL of the service, without a trailing slash.
    pub service_url: String,
}

/// Why templates cannot be read or filled in.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The folder, or a file in it, cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// No mail kind has a template with this name.
    #[error("{}: no mail has a template of that name; there are {}, each with .txt and .html", path.display(), names())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// The syntax is invalid, or a value is unknown.
    #[error("{place}: {source:#}")]
    Broken {
        /// The file, or the name of a built-in one.
        place: String,
        /// The error of the template engine.
        source: minijinja::Error,
    },
    /// The text does not begin with a subject.
    #[error("{place}: the first line is the subject, and an empty line follows it")]
    Subject {
        /// The file, or the name of a built-in one.
        place: String,
    },
}

/// The templates of all mails.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    settings: TemplateSettings,
}

impl Templates {
    /// Reads the templates, and renders each of them once as a check. Blocks.
    ///
    /// # Errors
    /// [`TemplateError`] with the file and the cause.
    pub fn new(settings: TemplateSettings) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut templates = Self {
            environment,
            settings,
        };
        for file in BUILT_IN.files() {
            let name = file.path().to_string_lossy().into_owned();
            let source = String::from_utf8_lossy(file.contents()).into_owned();
            templates.add(name, source)?;
        }
        if let Some(folder) = templates.settings.folder.clone() {
            templates.add_folder(&folder)?;
        }
        let user = Email::from_stored("user@example.org".to_owned());
        for kind in samples() {
            let token = kind
                .token()
                .map(|_| SecretString::from(Uuid::nil().to_string()));
            templates.render(&MailDraft {
                kind: &kind,
                to: &user,
                account: &user,
                token,
            })?;
        }
        Ok(templates)
    }

    fn add_folder(&mut self, folder: &Path) -> Result<(), TemplateError> {
        let failed = |path: PathBuf| |source| TemplateError::Read { path, source };
        for entry in fs::read_dir(folder).map_err(failed(folder.to_owned()))? {
            let path = entry.map_err(failed(folder.to_owned()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !path.extension().is_some_and(|e| e == "txt" || e == "html") {
                continue;
            }
            if self.environment.get_template(&name).is_err() {
                return Err(TemplateError::Unknown { path });
            }
            let name = name.into_owned();
            let source = fs::read_to_string(&path).map_err(failed(path))?;
            self.add(name, source)?;
        }
        Ok(())
    }

    fn add(&mut self, name: String, source: String) -> Result<(), TemplateError> {
        let place = self.place(&name);
        self.environment
            .add_template_owned(name, source)
            .map_err(|source| TemplateError::Broken { place, source })
    }

    /// Renders the templates of a mail.
    ///
    /// # Errors
    /// [`TemplateError`] if a template of the operator cannot be filled in with this mail's values.
    pub fn render(&self, draft: &MailDraft<'_>) -> Result<Mail, TemplateError> {
        let values = self.values(draft);
        let name = draft.kind.name();
        let text_name = format!("{name}.txt");
        let written = self.fill_in(&text_name, &values)?;
        let html = self.fill_in(&format!("{name}.html"), &values)?;
        let (subject, text) = written
            .split_once("\n\n")
            .map(|(subject, text)| (subject.trim(), text))
            .filter(|(subject, _)| !subject.is_empty() && !subject.contains(char::is_control))
            .ok_or_else(|| TemplateError::Subject {
                place: self.place(&text_name),
            })?;
        Ok(Mail {
            to: draft.to.clone(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            html,
        })
    }

    fn fill_in(&self, name: &str, values: &Value) -> Result<String, TemplateError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(values))
            .map_err(|source| TemplateError::Broken {
                place: self.place(name),
                source,
            })
    }

    /// The path of a template, for the operator who has to correct it.
    fn place(&self, name: &str) -> String {
        let file = self.settings.folder.as_ref().map(|f| f.join(name));
        match file.filter(|file| file.exists()) {
            Some(file) => file.display().to_string(),
            None => format!("the built-in template {name}"),
        }
    }

    fn values(&self, draft: &MailDraft<'_>) -> Value {
        let settings = &self.settings;
        let common = context! {
            service => settings.service.as_str(),
            service_url => settings.service_url.as_str(),
            email => draft.to.as_str(),
            present => draft.account.as_str(),
        };
        let page = draft.kind.token().and_then(|token| match token {
            MailToken::ResetPassword => settings.reset_page.as_ref(),
            MailToken::VerifyEmail | MailToken::ChangeEmail(_) | MailToken::UndoEmailChange(_) => {
                settings.verify_page.as_ref()
            }
            MailToken::Invite => None,
        });
        let token = draft.token.as_ref().map(|token| {
            let token = token.expose_secret();
            context! { link => page.map(|page| token_link(page, token)), token }
        });
        context! { ..own(draft.kind), ..token.unwrap_or_default(), ..common }
    }
}

/// The mail's own values, without text that a client could choose.
fn own(kind: &MailKind) -> Value {
    if let MailKind::NewDevice {
        address,
        user_agent,
        at,
    } = kind
    {
        let address = address.map(|address| address.to_string());
        let (browser, system) = device_names(user_agent.as_deref().unwrap_or_default());
        return context! { address, browser, system, at => at.rfc3339() };
    }
    Value::from(Serde(kind.details()))
}

/// The URL of a page with a token after the `#`: browsers do not send that part to servers, so it
/// is not logged.
#[must_use]
pub fn token_link(page: &Url, token: &str) -> String {
    if page.query().is_some_and(|query| query.ends_with("token=")) {
        return format!("{page}{token}");
    }
    let mut page = page.clone();
    page.set_fragment(Some(&format!("token={token}")));
    page.into()
}

fn names() -> String {
    MailKind::NAMES.join(", ")
}

/// Rows to check the templates with: mails with all values, and with as few as possible.
const SAMPLE_DETAILS: [Option<&str>; 3] = [
    None,
    Some(r#"{"to":"user@example.org","at":0,"by_operator":false}"#),
    Some(
        r#"{"to":"user@example.org","new":"new@example.org","at":0,"days":7,"by_operator":true,
        "address":"192.0.2.1","user_agent":"curl/8 (Linux)"}"#,
    ),
];

/// Mails of each kind, to check the templates with.
fn samples() -> impl Iterator<Item = MailKind> {
    MailKind::NAMES.iter().flat_map(|kind| {
        let rows = SAMPLE_DETAILS.iter();
        rows.filter_map(|details| MailKind::from_row(kind, *details).ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_of_each_mail_kind_are_checked() {
        for kind in MailKind::NAMES {
            assert!(samples().any(|sample| sample.name() == *kind), "{kind}");
        }
    }
}
