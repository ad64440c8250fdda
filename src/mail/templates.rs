//! Mail templates: built-in ones, and the operator's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value, context};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use super::builtin_templates::BUILT_IN;
use super::{Mail, MailDraft, MailKind, MailToken};
use crate::domain::{CHAIN_START, ChainHead, Email, Language, device_names};
use crate::i18n::Catalogues;

/// The settings of templates. Nothing in them comes from a request.
#[derive(Debug, Clone)]
pub struct TemplateSettings {
    /// A folder with templates that replace built-in ones.
    pub folder: Option<PathBuf>,
    /// The page where users set a new password.
    pub reset_page: Option<Url>,
    /// The page where users confirm an address.
    pub verify_page: Option<Url>,
    /// The page where users take their account back after a change of second factors.
    pub undo_page: Option<Url>,
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
        source: Error,
    },
    /// The text does not begin with a subject.
    #[error("{place}: the first line is the subject, and an empty line follows it")]
    Subject {
        /// The file, or the name of a built-in one.
        place: String,
    },
}

/// The templates of all mails.
#[derive(Debug, Clone)]
pub struct Templates {
    environment: Environment<'static>,
    settings: TemplateSettings,
}

impl Templates {
    /// Reads the templates. With templates of the operator, renders each once as a check; the tests do
    /// that for those in the program. Blocks.
    ///
    /// # Errors
    /// [`TemplateError`] with the file and the cause.
    pub fn new(settings: TemplateSettings) -> Result<Self, TemplateError> {
        let mut templates = Self {
            environment: environment(),
            settings,
        };
        if let Some(folder) = templates.settings.folder.clone() {
            templates.add_folder(&folder)?;
            templates.render_samples()?;
        }
        Ok(templates)
    }

    /// Renders a mail of each kind in each language.
    fn render_samples(&self) -> Result<(), TemplateError> {
        let user = Email::from_stored("user@example.org".to_owned());
        for kind in samples() {
            let token = kind
                .token()
                .map(|_| SecretString::from(Uuid::nil().to_string()));
            for language in Language::ALL {
                self.render(&MailDraft {
                    kind: &kind,
                    to: &user,
                    account: &user,
                    language,
                    token: token.clone(),
                    audit_head: Some(ChainHead::new(0, &CHAIN_START)),
                })?;
            }
        }
        Ok(())
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
        let mut mail = Mail {
            to: draft.to.clone(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            html,
        };
        if draft.audit_head.is_some() {
            mail.text = format!(
                "{}\n\n{}",
                mail.text,
                self.fill_in("audit_head.txt", &values)?
            );
            let head = self.fill_in("audit_head.html", &values)?;
            let end = mail.html.rfind("</html>").unwrap_or(mail.html.len());
            mail.html.insert_str(end, &format!("{head}\n"));
        }
        Ok(mail)
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
            lang => draft.language.tag(),
            service => settings.service.as_str(),
            service_url => settings.service_url.as_str(),
            email => draft.to.as_str(),
            present => draft.account.as_str(),
            audit_head => draft.audit_head.map(|head| head.to_string()),
        };
        let page = draft.kind.token().and_then(|token| match token {
            MailToken::ResetPassword => settings.reset_page.as_ref(),
            MailToken::VerifyEmail | MailToken::ChangeEmail(_) | MailToken::UndoEmailChange(_) => {
                settings.verify_page.as_ref()
            }
            MailToken::UndoFactorChange(_) => settings.undo_page.as_ref(),
            MailToken::Invite => None,
        });
        let token = draft.token.as_ref().map(|token| {
            let token = token.expose_secret();
            context! { link => page.map(|page| token_link(page, token)), token }
        });
        context! { ..own(draft.kind), ..token.unwrap_or_default(), ..common }
    }
}

/// Strict and escaping, with the texts as `t("key")`: a placeholder of a text is the value of its
/// name. The filter `wrap` breaks a paragraph into lines.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Compiled when it is first rendered.
    environment.set_loader(|name| {
        let file = BUILT_IN.get_file(name);
        Ok(file.map(|file| String::from_utf8_lossy(file.contents()).into_owned()))
    });
    let catalogues = Arc::new(Catalogues::built_in());
    let text = move |state: &State<'_, '_>, key: &str| {
        let value_of = |name: &str| state.lookup(name).map(|value| value.to_string());
        let language = value_of("lang").and_then(|tag| Language::of_tag(&tag));
        let catalogue = catalogues.of(language.unwrap_or_default());
        let text = catalogue.text(key, value_of);
        text.map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
    };
    environment.add_function("t", text);
    environment.add_filter("wrap", wrap);
    environment
}

/// The longest line of a paragraph in a mail's text, in characters.
const LINE_MAX: usize = 76;

/// Breaks a paragraph at its spaces. A longer word, such as a URL, stays whole.
#[expect(clippy::needless_pass_by_value, reason = "minijinja passes values")]
fn wrap(paragraph: String) -> String {
    let mut text = String::with_capacity(paragraph.len());
    let mut length = 0;
    for word in paragraph.split(' ') {
        let word_length = word.chars().count();
        if length > 0 {
            let fits = length + 1 + word_length <= LINE_MAX;
            text.push(if fits { ' ' } else { '\n' });
            length = if fits { length + 1 } else { 0 };
        }
        text.push_str(word);
        length += word_length;
    }
    text
}

/// The mail's own values, without text that a client could choose. Each kind is named, so that a
/// new one with such a text is not passed on by default.
fn own(kind: &MailKind) -> Value {
    match kind {
        MailKind::NewDevice {
            address,
            user_agent,
            at,
        } => {
            let address = address.map(|address| address.to_string());
            let (browser, system) = device_names(user_agent.as_deref().unwrap_or_default());
            context! { address, browser, system, at => at.rfc3339() }
        }
        MailKind::ConfirmEmail { .. }
        | MailKind::EmailChanged { .. }
        | MailKind::AccountDeleted { .. }
        | MailKind::EmailTakenBack { .. }
        | MailKind::Invitation { .. }
        | MailKind::SecondFactorAdded { .. }
        | MailKind::SecondFactorRemoved { .. }
        | MailKind::RecoveryCodesReplaced { .. } => Value::from(Serde(kind.details())),
        MailKind::PasswordReset
        | MailKind::PasswordChanged
        | MailKind::VerifyEmail
        | MailKind::AlreadyRegistered
        | MailKind::SecondFactorLocked
        | MailKind::RecoveryCodeUsed
        | MailKind::Test => context! {},
    }
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
    format!("{}, audit_head", MailKind::NAMES.join(", "))
}

/// Rows to check the templates with: mails with all values, and with as few as possible.
const SAMPLE_DETAILS: [Option<&str>; 3] = [
    None,
    Some(r#"{"to":"user@example.org","at":0,"by_operator":false,"is_passkey":false}"#),
    Some(
        r#"{"to":"user@example.org","new":"new@example.org","at":0,"days":7,"by_operator":true,"is_passkey":true,
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

    #[test]
    fn the_templates_in_the_program_can_be_rendered() {
        let page: Url = "https://login.example.org/page".parse().unwrap();
        for page in [None, Some(page)] {
            let templates = Templates::new(TemplateSettings {
                folder: None,
                reset_page: page.clone(),
                verify_page: page.clone(),
                undo_page: page,
                service: "Example".to_owned(),
                service_url: "https://login.example.org".to_owned(),
            });
            templates.unwrap().render_samples().unwrap();
        }
    }
}
