//! Decides whether a user has access to an application, for `/verify` and for
//! `bienvenue access why`.

use std::fmt;

use crate::domain::{AccessFacts, AppName, AppUrl, GroupName, Origin};

/// The rule by which a user has access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// No application is registered: every user has access to everything that the proxy protects.
    NoApps,
    /// The application lists no group: every user has access.
    EveryUser(AppName),
    /// The application lists a group of the user.
    Member(AppName, GroupName),
}

/// The rule by which a user has no access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// Applications are registered, and no trusted proxy names the URL that was asked for, or
    /// its headers name different ones.
    UnknownUrl,
    /// No application is registered at that origin.
    NotRegistered(Origin),
    /// The application lists groups, and the user is in none of them.
    NotMember(AppName),
}

/// Decides whether a user has access to a URL. `facts` are about that user and that URL.
///
/// # Errors
/// [`Denial`] with the rule.
pub fn decide(facts: &AccessFacts, url: Option<&AppUrl>) -> Result<Grant, Denial> {
    if !facts.has_apps {
        return Ok(Grant::NoApps);
    }
    let Some(url) = url else {
        return Err(Denial::UnknownUrl);
    };
    let app = match &facts.app {
        Some(app) if app.origin == *url.origin() => app,
        Some(_) | None => return Err(Denial::NotRegistered(url.origin().clone())),
    };
    if app.groups.is_empty() {
        return Ok(Grant::EveryUser(app.name.clone()));
    }
    let shared = app.groups.iter().find(|group| facts.groups.contains(group));
    match shared {
        Some(group) => Ok(Grant::Member(app.name.clone(), group.clone())),
        None => Err(Denial::NotMember(app.name.clone())),
    }
}

impl Denial {
    /// The reason in the log.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownUrl => "unknown_url",
            Self::NotRegistered(_) => "unknown_app",
            Self::NotMember(_) => "not_in_group",
        }
    }
}

impl Denial {
    /// The application, if it is registered.
    #[must_use]
    pub const fn app(&self) -> Option<&AppName> {
        match self {
            Self::NotMember(app) => Some(app),
            Self::UnknownUrl | Self::NotRegistered(_) => None,
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoApps => f.write_str("no application is registered, so every user has access"),
            Self::EveryUser(app) => {
                write!(
                    f,
                    "the application {app} lists no group, so every user has access"
                )
            }
            Self::Member(app, group) => write!(
                f,
                "the application {app} lists the group {group}, and the user is a member"
            ),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUrl => f.write_str(
                "applications are registered, and no trusted proxy names the URL that was asked for",
            ),
            Self::NotRegistered(origin) => {
                write!(f, "no application is registered at {origin}")
            }
            Self::NotMember(app) => write!(
                f,
                "the application {app} lists groups, and the user is in none of them"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::App;

    fn url(text: &str) -> AppUrl {
        AppUrl::parse(text).unwrap()
    }

    fn groups(names: &[&str]) -> Vec<GroupName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn facts(app: Option<(&str, &[&str])>, user: &[&str]) -> AccessFacts {
        AccessFacts {
            has_apps: true,
            app: app.map(|(origin, listed)| App {
                name: "wiki".parse().unwrap(),
                origin: Origin::of_app(origin).unwrap(),
                groups: groups(listed),
                second_factor: false,
            }),
            groups: groups(user),
        }
    }

    const WIKI: &str = "https://wiki.example.org";

    #[test]
    fn access_is_by_a_shared_group() {
        let page = url("https://wiki.example.org/page");
        let wiki = || "wiki".parse().unwrap();
        let member = |group: &str| Ok(Grant::Member(wiki(), group.parse().unwrap()));
        for (listed, user, expected) in [
            (&["staff"][..], &["staff"][..], member("staff")),
            (&["admins", "staff"], &["family", "staff"], member("staff")),
            (&["staff"], &[], Err(Denial::NotMember(wiki()))),
            (
                &["staff"],
                &["staf", "staff2"],
                Err(Denial::NotMember(wiki())),
            ),
            (&[], &[], Ok(Grant::EveryUser(wiki()))),
            (&[], &["staff"], Ok(Grant::EveryUser(wiki()))),
        ] {
            let facts = facts(Some((WIKI, listed)), user);
            assert_eq!(decide(&facts, Some(&page)), expected, "{listed:?} {user:?}");
        }
    }

    #[test]
    fn nothing_fails_open() {
        let page = url("https://wiki.example.org/");
        let other = url("https://other.example.org/");
        let open = facts(Some((WIKI, &[])), &["staff"]);
        assert_eq!(decide(&open, None), Err(Denial::UnknownUrl));
        let not_registered = |url: &AppUrl| Err(Denial::NotRegistered(url.origin().clone()));
        assert_eq!(
            decide(&facts(None, &["staff"]), Some(&page)),
            not_registered(&page)
        );
        // Facts about another application than the one that was asked for.
        assert_eq!(decide(&open, Some(&other)), not_registered(&other));
        assert_eq!(decide(&facts(None, &[]), None), Err(Denial::UnknownUrl));
    }

    #[test]
    fn every_user_has_access_without_applications() {
        let none = AccessFacts {
            has_apps: false,
            ..facts(None, &[])
        };
        assert_eq!(decide(&none, None), Ok(Grant::NoApps));
        assert_eq!(decide(&none, Some(&url(WIKI))), Ok(Grant::NoApps));
    }
}
