//! `bienvenue app`: the applications behind a proxy, and the proxy's configuration for each.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::audit::OperatorEvent;
use super::database::Options;
use super::output::{Part, Progress, explain, print, print_json};
use super::prompt::Confirmation;
use super::{CliError, database};
use crate::config::Config;
use crate::db::{AppAddition, AppGroupsChange, DbError};
use crate::domain::{App, AppName, GroupName, Origin};

/// The subcommands of `app`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register an application, and print the proxy's configuration for it. Once an application
    /// is registered, the service denies access to every host that is not
    #[command(
        after_help = "Example: bienvenue app add wiki https://wiki.example.org --group staff --proxy nginx"
    )]
    Add(Add),
    /// Show all applications: name, URL, groups, and whether a second factor is asked for
    #[command(after_help = "Example: bienvenue app list")]
    List(Part),
    /// Show an application and the proxy's configuration for it
    #[command(after_help = "Example: bienvenue app show wiki --proxy caddy")]
    Show {
        /// Name of the application
        #[arg(value_name = "NAME")]
        name: AppName,
        /// Print the configuration for this proxy; without it, those for nginx and Caddy
        #[arg(long, value_name = "PROXY")]
        proxy: Option<Proxy>,
    },
    /// Set the groups whose members have access to an application
    #[command(after_help = "Example: bienvenue app groups wiki staff family")]
    Groups(SetGroups),
    /// Remove an application, after a confirmation; users are logged out of it
    #[command(after_help = "Example: bienvenue app remove wiki --yes")]
    Remove {
        /// Name of the application
        #[arg(value_name = "NAME")]
        name: AppName,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// An application to register.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// Name of the application: lower-case letters, digits, hyphens and underscores
    #[arg(value_name = "NAME")]
    name: AppName,
    /// Its URL, such as `https://app.example.org`: a scheme and a host
    #[arg(value_name = "URL", value_parser = Origin::of_app, verbatim_doc_comment)]
    url: Origin,
    /// Group whose members have access; may be given several times. Without it, every user has
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupName>,
    /// Deny access to sessions that were opened without a second factor
    #[arg(long)]
    require_second_factor: bool,
    /// Print the configuration for this proxy; without it, those for nginx and Caddy
    #[arg(long, value_name = "PROXY")]
    proxy: Option<Proxy>,
}

/// An application, and the groups whose members have access to it from now on.
#[derive(Debug, Args)]
pub(super) struct SetGroups {
    /// Name of the application
    #[arg(value_name = "NAME")]
    name: AppName,
    /// Group whose members have access; all others are removed
    #[arg(value_name = "GROUP", required_unless_present = "every_user")]
    groups: Vec<GroupName>,
    /// Give access to every user
    #[arg(long, conflicts_with = "groups")]
    every_user: bool,
}

/// A proxy for which there is a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Proxy {
    /// nginx 1.22 or later
    Nginx,
    /// Caddy 2.6 or later
    Caddy,
    /// Apache 2.4 with Lua
    Apache,
    /// HAProxy 2.6 or later with Lua
    Haproxy,
}

impl Command {
    pub(super) fn run(&self, config: &Config, options: Options) -> Result<(), CliError> {
        let db = database::open(config, options)?;
        let database = &database::name(config);
        let audited = db.clone();
        let event = |event, sentence, app| OperatorEvent {
            event,
            sentence,
            app: Some(app),
            database,
            db: Some(&audited),
            ..OperatorEvent::default()
        };
        match self {
            Self::Add(add) => {
                let app = add.app();
                match db.add_app(&app)? {
                    AppAddition::Added => {}
                    AppAddition::Exists(by) => return Err(CliError::AppExists(by)),
                    AppAddition::UnknownGroup(group) => return Err(CliError::NoSuchGroup(group)),
                }
                event("app_created", "application registered", &app.name).report();
                explain(&format!("registered {} in {database}\n", line(&app)));
                warn(&app, config);
                print_with_snippets(&app, add.proxy, config, options);
            }
            Self::List(part) => {
                part.pages()?.show(
                    |after: Option<&AppName>, limit| db.apps(after, limit),
                    |app| app.name.clone(),
                    |app| {
                        if options.json {
                            print_json(&ShownApp::of(app, None));
                        } else {
                            print(&line(app));
                        }
                    },
                )?;
            }
            Self::Show { name, proxy } => {
                let app = db.app(name).map_err(|error| no_such_app(error, name))?;
                explain(&line(&app));
                print_with_snippets(&app, *proxy, config, options);
            }
            Self::Groups(SetGroups { name, groups, .. }) => {
                match db.set_app_groups(name, &GroupName::sorted(groups.clone()))? {
                    AppGroupsChange::Changed => {}
                    AppGroupsChange::UnknownApp => return Err(CliError::NoSuchApp(name.clone())),
                    AppGroupsChange::UnknownGroup(group) => {
                        return Err(CliError::NoSuchGroup(group));
                    }
                }
                event("app_updated", "groups of an application changed", name).report();
                let app = db.app(name)?;
                if options.json {
                    print_json(&ShownApp::of(&app, None));
                } else {
                    print(&line(&app));
                }
            }
            Self::Remove { name, confirmation } => {
                let app = db.app(name).map_err(|error| no_such_app(error, name))?;
                let question = format!("Remove {name} ({}) in {database}?", app.origin);
                confirmation.ask(&question)?;
                let progress = Progress::running("removing the application and its logins");
                let is_removed = db.remove_app(name)?;
                drop(progress);
                if !is_removed {
                    return Err(CliError::NoSuchApp(name.clone()));
                }
                event("app_deleted", "application removed", name).report_with(
                    options,
                    &format!("removed the application {name} in {database}\n"),
                );
                if db.apps(None, 1)?.is_empty() {
                    explain(
                        "No application is registered now: GET /verify passes every logged-in \
                         user, on every host.\n",
                    );
                }
            }
        }
        Ok(())
    }
}

impl Add {
    fn app(&self) -> App {
        App {
            name: self.name.clone(),
            origin: self.url.clone(),
            groups: GroupName::sorted(self.groups.clone()),
            second_factor: self.require_second_factor,
        }
    }
}

fn no_such_app(error: DbError, name: &AppName) -> CliError {
    match error {
        DbError::NoResultFound => CliError::NoSuchApp(name.clone()),
        DbError::AlreadyExists(_)
        | DbError::InvalidRequest(_)
        | DbError::Unavailable(_)
        | DbError::Failed(_) => error.into(),
    }
}

/// An application as JSON. Without a group, every user has access.
#[derive(Serialize)]
struct ShownApp<'a> {
    name: &'a str,
    url: &'a str,
    groups: Vec<&'a str>,
    second_factor: bool,
    /// That of the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<String>,
}

impl<'a> ShownApp<'a> {
    fn of(app: &'a App, configuration: Option<String>) -> Self {
        Self {
            name: app.name.as_str(),
            url: app.origin.as_str(),
            groups: app.groups.iter().map(GroupName::as_str).collect(),
            second_factor: app.second_factor,
            configuration,
        }
    }
}

/// Prints the proxy's configuration, or as JSON the application with it.
fn print_with_snippets(app: &App, proxy: Option<Proxy>, config: &Config, options: Options) {
    let configuration = snippets(app, proxy, config);
    if options.json {
        print_json(&ShownApp::of(app, Some(configuration)));
    } else {
        print(&configuration);
    }
}

/// An application's line: name, URL, who has access, and whether by a second factor only.
fn line(app: &App) -> String {
    let groups: Vec<&str> = app.groups.iter().map(GroupName::as_str).collect();
    let who = if groups.is_empty() {
        "every user".to_owned()
    } else {
        groups.join(",")
    };
    let factor = if app.second_factor {
        "\tsecond factor"
    } else {
        ""
    };
    format!("{}\t{}\t{who}{factor}\n", app.name, app.origin)
}

/// Says what the service needs beside the proxy's configuration.
fn warn(app: &App, config: &Config) {
    let own = config.listening.public_url.as_ref();
    if own.is_none_or(|own| own.origin() != &app.origin && own.is_https() != app.origin.is_https())
    {
        explain(
            "The service needs --public-url with the URL of its login page, so that a login \
             can be handed over to the host of the application.\n",
        );
    }
    if config.trusted_proxies().is_empty() {
        explain(
            "The service needs --trusted-proxies with the address of the proxy: without it, \
             access is denied, because no proxy may name the URL that was asked for.\n",
        );
    }
}

/// The files of `deploy/` with the names of the application.
fn snippets(app: &App, proxy: Option<Proxy>, config: &Config) -> String {
    let one = |proxy: Proxy| {
        let text = match proxy {
            Proxy::Nginx => include_str!("../../deploy/nginx/app.conf"),
            Proxy::Caddy => include_str!("../../deploy/Caddyfile.app"),
            Proxy::Apache => include_str!("../../deploy/apache/app.conf"),
            Proxy::Haproxy => include_str!("../../deploy/haproxy/app.cfg"),
        };
        // The address of a site of Caddy has the port, and the scheme where it is not https.
        let host = match proxy {
            Proxy::Nginx | Proxy::Apache | Proxy::Haproxy => app.origin.host(),
            Proxy::Caddy => {
                let origin = app.origin.as_str();
                origin.strip_prefix("https://").unwrap_or(origin)
            }
        };
        text.replace("https://app.example.org", app.origin.as_str())
            .replace("app.example.org", host)
            .replace("127.0.0.1:5000", &address(config))
    };
    match proxy {
        Some(proxy) => one(proxy),
        None => format!("{}\n{}", one(Proxy::Nginx), one(Proxy::Caddy)),
    }
}

/// Where the proxy reaches the service on this machine.
fn address(config: &Config) -> String {
    let bind = config.bind();
    if bind.ip().is_unspecified() {
        format!("127.0.0.1:{}", bind.port())
    } else {
        bind.to_string()
    }
}
