//! The facts on which access to an application is decided.

use super::{AppName, GroupName, Origin, Timestamp};

/// An application behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its name.
    pub name: AppName,
    /// The origin at which users reach it.
    pub origin: Origin,
    /// The groups whose members have access, sorted; without any, every user has.
    pub groups: Vec<GroupName>,
    /// Whether only sessions with a second factor have access.
    pub second_factor: bool,
}

/// The facts from which access is decided, as the database had them at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFacts {
    /// Whether any application is registered.
    pub has_apps: bool,
    /// The application at the origin that was asked for, if that is registered.
    pub app: Option<App>,
    /// The groups of the user, sorted.
    pub groups: Vec<GroupName>,
}

/// A login on the host of an application, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppLogin {
    /// The application.
    pub app: AppName,
    /// When it began.
    pub created_at: Timestamp,
}
