//! What the checks look at.

use std::cell::OnceCell;
use std::net::IpAddr;

use super::Finding;
use super::client::{Client, Failure, Request, Response, Site};
use crate::config::{Config, PublicUrl};
use crate::db::{DB, OpenError, OpenMode};
use crate::domain::Origin;
use crate::server;

/// One check: it returns what is wrong, or nothing.
pub(super) struct Check {
    /// Its name, for people and scripts.
    pub(super) name: &'static str,
    /// What it looks at.
    pub(super) looks_at: &'static str,
    pub(super) run: fn(&Examination<'_>) -> Vec<Finding>,
}

/// The set-up. What several checks need is looked up once.
pub(super) struct Examination<'a> {
    pub(super) config: &'a Config,
    /// Connects to the address of `--connect`, if there is one.
    pub(super) client: Client,
    /// Connects to this machine's listeners.
    pub(super) here: Client,
    named_apps: &'a [Origin],
    database: OnceCell<Result<DB, OpenError>>,
    front: OnceCell<Result<Front, NoFront>>,
}

/// The service behind its public URL.
pub(super) struct Front {
    pub(super) site: Site,
    /// In front of the service's paths: empty, or `/auth` where an application has the host.
    pub(super) prefix: &'static str,
    /// The response of `/healthz`.
    pub(super) health: Response,
}

/// Why the service is not found behind its public URL.
pub(super) enum NoFront {
    /// There is no public URL.
    NoPublicUrl,
    /// It gives no response.
    Failed(Failure),
    /// Another response came.
    Other(Response),
}

/// The prefixes of the configurations in `deploy/`.
const PREFIXES: [&str; 2] = ["", "/auth"];

impl<'a> Examination<'a> {
    pub(super) fn new(config: &'a Config, connect: Option<IpAddr>, apps: &'a [Origin]) -> Self {
        Self {
            config,
            client: Client::new(connect),
            here: Client::new(None),
            named_apps: apps,
            database: OnceCell::new(),
            front: OnceCell::new(),
        }
    }

    /// The database of the settings, which is not changed.
    pub(super) fn database(&self) -> Result<&DB, &OpenError> {
        let open = || server::open_for_command(self.config, OpenMode::Check);
        self.database.get_or_init(open).as_ref()
    }

    /// The service behind its public URL.
    pub(super) fn front(&self) -> Result<&Front, &NoFront> {
        self.front.get_or_init(|| self.find_front()).as_ref()
    }

    fn find_front(&self) -> Result<Front, NoFront> {
        let site = self.public_site().ok_or(NoFront::NoPublicUrl)?;
        let mut first = None;
        for prefix in PREFIXES {
            let path = format!("{prefix}/healthz");
            let health = self.client.send(&site, Request::get(&path));
            let health = health.map_err(NoFront::Failed)?;
            if health.status == 200 && health.body.contains(r#""message":"serving""#) {
                return Ok(Front {
                    site,
                    prefix,
                    health,
                });
            }
            first.get_or_insert(health);
        }
        Err(first.map_or(NoFront::NoPublicUrl, NoFront::Other))
    }

    pub(super) fn public_url(&self) -> Option<&PublicUrl> {
        self.config.listening.public_url.as_ref()
    }

    /// The site of the public URL.
    pub(super) fn public_site(&self) -> Option<Site> {
        Site::of(self.public_url()?.origin())
    }

    /// The origins of the applications: those that the command line names and, if the database
    /// opens, those that are registered.
    pub(super) fn apps(&self) -> Vec<Origin> {
        let mut apps = self.named_apps.to_vec();
        let registered = self
            .database()
            .ok()
            .and_then(|db| db.apps(None, LISTED).ok());
        for app in registered.unwrap_or_default() {
            if !apps.contains(&app.origin) {
                apps.push(app.origin);
            }
        }
        apps
    }

    /// The origins that browsers open: that of the public URL, and those of the applications.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let own = self.public_url().map(|url| url.origin().clone());
        own.into_iter().chain(self.apps()).collect()
    }

    /// Sends a request to the service through its public URL.
    pub(super) fn ask(&self, path: &str, request: Request<'_>) -> Option<Response> {
        let front = self.front().ok()?;
        let path = format!("{}{path}", front.prefix);
        let request = Request {
            path: &path,
            ..request
        };
        self.client.send(&front.site, request).ok()
    }
}

/// How many applications are checked.
const LISTED: u32 = 100;

/// What a check says that needs the service behind its public URL.
pub(super) fn unreached() -> Vec<Finding> {
    vec![Finding::skipped(
        "the service was not found behind its public URL",
        "see the check `public-url`",
    )]
}
