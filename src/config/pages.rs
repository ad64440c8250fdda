//! Settings of the pages for people.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::domain::{AccentColor, switch};

/// The pages for people, and how they look.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pages")]
pub struct PageOptions {
    /// Whether the service has pages to log in, register, reset a password and manage the account
    #[arg(
        long,
        env = "BIENVENUE_PAGES",
        value_name = "SWITCH",
        action = ArgAction::Set,
        value_parser = switch(),
        default_value = "on"
    )]
    pub pages: bool,

    /// Colour of buttons and links, as #rrggbb
    #[arg(
        long,
        env = "BIENVENUE_ACCENT_COLOR",
        value_name = "COLOR",
        default_value_t = AccentColor::default()
    )]
    pub accent_color: AccentColor,

    /// PNG or SVG file of at most 64 KiB, shown in front of the service's name
    #[arg(long, env = "BIENVENUE_LOGO", value_name = "FILE")]
    pub logo: Option<PathBuf>,

    /// Folder with templates of pages that replace built-in ones of the same name
    #[arg(long, env = "BIENVENUE_PAGE_TEMPLATES", value_name = "FOLDER")]
    pub page_templates: Option<PathBuf>,
}
