//! The texts of mails: built in, or from a folder of the operator.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use minijinja::{Environment, UndefinedBehavior, Value, context};
use url::Url;

use super::builtin_templates::BUILT_IN;
use super::{Mail, MailKind};
use crate::domain::{Email, Timestamp, device_of};

/// What the mails are made of, besides their occasion. Nothing of it comes from a request.
#[derive(Debug, Clone)]
pub struct TemplateSettings {
    /// A folder with templates that take the place of built-in ones.
    pub folder: Option<PathBuf>,
    /// The page where a new password is set.
    pub reset_page: Option<Url>,
    /// The page where an address is confirmed.
    pub verify_page: Option<Url>,
    /// The name of the service.
    pub service: String,
    /// Where the service is reached, without a slash at the end.
    pub service_url: String,
}

/// Why there are no templates, or no mail by them.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The folder, or a file in it, cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No mail has a template of that name.
    #[error("{}: no mail has a template of that name; there are {}, each with .txt and .html", path.display(), names())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// It is not written in the language of templates, or names what there is not.
    #[error("{place}: {source:#}")]
    Broken {
        /// The file, or the name of a built-in one.
        place: String,
        /// What is wrong.
        source: minijinja::Error,
    },
    /// The text does not begin with a subject.
    #[error("{place}: the first line is the subject, and an empty line follows it")]
    Subject {
        /// The file, or the name of a built-in one.
        place: String,
    },
}

/// The mails' templates, ready to be filled in.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    settings: TemplateSettings,
}

impl Templates {
    /// Reads the templates, and fills each in once to see that it can be.
    ///
    /// # Errors
    /// [`TemplateError`] names the file and what is wrong with it.
    pub fn new(settings: TemplateSettings) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut templates = Self {
            environment,
            settings,
        };
        for (name, text, html) in BUILT_IN {
            templates.add(format!("{name}.txt"), text.to_owned())?;
            templates.add(format!("{name}.html"), html.to_owned())?;
        }
        if let Some(folder) = templates.settings.folder.clone() {
            templates.add_folder(&folder)?;
        }
        for letter in samples() {
            templates.render(&letter, &sample_address())?;
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

    /// Writes the mail that a letter is to an address.
    ///
    /// # Errors
    /// [`TemplateError`] for a template of the operator's that this letter cannot fill in.
    pub fn render(&self, letter: &MailKind, to: &Email) -> Result<Mail, TemplateError> {
        let values = self.values(letter, to);
        let text_name = format!("{}.txt", letter.name());
        let written = self.fill_in(&text_name, &values)?;
        let html = self.fill_in(&format!("{}.html", letter.name()), &values)?;
        let (subject, text) = written
            .split_once("\n\n")
            .map(|(subject, text)| (subject.trim(), text))
            .filter(|(subject, _)| !subject.is_empty() && !subject.contains(char::is_control))
            .ok_or_else(|| TemplateError::Subject {
                place: self.place(&text_name),
            })?;
        Ok(Mail {
            to: to.clone(),
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

    /// Where a template stands, for whoever has to mend it.
    fn place(&self, name: &str) -> String {
        let file = self.settings.folder.as_ref().map(|f| f.join(name));
        match file.filter(|file| file.exists()) {
            Some(file) => file.display().to_string(),
            None => format!("the built-in template {name}"),
        }
    }

    fn values(&self, letter: &MailKind, to: &Email) -> Value {
        let settings = &self.settings;
        let common = context! {
            service => settings.service.as_str(),
            service_url => settings.service_url.as_str(),
            email => to.as_str(),
        };
        let with_token = |page: Option<&Url>, token: &str| {
            context! { link => page.map(|page| token_link(page, token)), token }
        };
        let (reset, verify) = (settings.reset_page.as_ref(), settings.verify_page.as_ref());
        let own = match letter {
            MailKind::PasswordReset { token } => with_token(reset, token),
            MailKind::VerifyEmail { token } => with_token(verify, token),
            MailKind::ConfirmEmail { token, present } => {
                context! { present => present.as_str(), ..with_token(verify, token) }
            }
            MailKind::AccountDeleted { last } => {
                context! { last => last.as_ref().map(Email::as_str) }
            }
            MailKind::EmailTakenBack { by } => context! { by => by.as_str() },
            MailKind::EmailChanged { new, undo_token } => {
                context! { new => new.as_str(), ..with_token(verify, undo_token) }
            }
            MailKind::NewDevice {
                address,
                user_agent,
                at,
            } => context! {
                address => address.map_or("unknown".to_owned(), |a| a.to_string()),
                device => device_of(user_agent.as_deref().unwrap_or_default()),
                at => date(*at),
            },
            MailKind::PasswordChanged | MailKind::AlreadyRegistered | MailKind::Test => context! {},
        };
        context! { ..own, ..common }
    }
}

/// A link to a page that takes a token: behind the `#`, where it reaches no server and no log,
/// or at the end of a query that ends with `token=`, as the service's own pages read it.
#[must_use]
pub fn token_link(page: &Url, token: &str) -> String {
    if page.query().is_some_and(|query| query.ends_with("token=")) {
        return format!("{page}{token}");
    }
    let mut page = page.clone();
    page.set_fragment(Some(&format!("token={token}")));
    page.into()
}

/// A moment as people read it, in UTC.
fn date(moment: Timestamp) -> String {
    // The last moment of the year 9999, behind which dates have another form.
    let seconds = u64::try_from(moment.seconds())
        .unwrap_or_default()
        .min(253_402_300_799);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

fn names() -> String {
    BUILT_IN.map(|(name, ..)| name).join(", ")
}

/// An address as it stands nowhere, to try the templates with.
fn sample_address() -> Email {
    Email::from_stored("somebody@example.org".to_owned())
}

fn samples() -> [MailKind; 11] {
    let token = "00000000-0000-4000-8000-000000000000".to_owned();
    [
        MailKind::PasswordReset {
            token: token.clone(),
        },
        MailKind::PasswordChanged,
        MailKind::VerifyEmail {
            token: token.clone(),
        },
        MailKind::ConfirmEmail {
            token: token.clone(),
            present: sample_address(),
        },
        MailKind::EmailChanged {
            new: sample_address(),
            undo_token: token,
        },
        MailKind::NewDevice {
            address: None,
            user_agent: None,
            at: Timestamp::from_seconds(0),
        },
        MailKind::AccountDeleted { last: None },
        MailKind::AccountDeleted {
            last: Some(sample_address()),
        },
        MailKind::EmailTakenBack {
            by: sample_address(),
        },
        MailKind::AlreadyRegistered,
        MailKind::Test,
    ]
}
