//! The style sheet, the script and the logo, at paths that change with their content.

use std::fs;
use std::path::Path;

use actix_web::web;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{PageSettings, PagesError};
use crate::domain::AccentColor;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("passkey.js");

/// The backgrounds of `style.css` on which links have to be readable.
const LIGHT: AccentColor = AccentColor::new(0xf6, 0xf6, 0xf4);
const DARK: AccentColor = AccentColor::new(0x1d, 0x20, 0x26);

/// The largest logo, in bytes.
const LOGO_MAX: usize = 64 * 1024;

/// A file that pages refer to.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(super) name: String,
    pub(super) media_type: &'static str,
    pub(super) content: web::Bytes,
}

impl Asset {
    /// The style sheet with the operator's colour.
    pub(crate) fn style(accent: AccentColor) -> Self {
        let style = STYLE
            .replace("ACCENT_ON_LIGHT", &accent.readable_on(LIGHT).to_string())
            .replace("ACCENT_ON_DARK", &accent.readable_on(DARK).to_string())
            .replace("ON_ACCENT", &accent.text_color().to_string())
            .replace("ACCENT", &accent.to_string());
        Self::new("css", "text/css; charset=utf-8", style.into_bytes())
    }

    /// The script of the pages on which passkeys are used, without its indentation and comments.
    pub(crate) fn script() -> Self {
        let lines = SCRIPT.lines().map(str::trim_start);
        let lines = lines.filter(|line| !line.starts_with("//") && !line.starts_with("/**"));
        let script = lines.collect::<Vec<_>>().join("\n");
        Self::new("js", "text/javascript; charset=utf-8", script.into_bytes())
    }

    /// The operator's logo.
    pub(crate) fn logo(settings: &PageSettings) -> Result<Option<Self>, PagesError> {
        let Some(path) = &settings.logo else {
            return Ok(None);
        };
        let content = fs::read(path).map_err(|source| PagesError::Read {
            path: path.clone(),
            source,
        })?;
        if content.len() > LOGO_MAX {
            return Err(PagesError::LogoTooLarge { path: path.clone() });
        }
        let (ending, media_type) = kind(&content).ok_or_else(|| logo_kind(path))?;
        Ok(Some(Self::new(ending, media_type, content)))
    }

    fn new(ending: &str, media_type: &'static str, content: Vec<u8>) -> Self {
        let mut digest = HEXLOWER.encode(&Sha256::digest(&content));
        digest.truncate(16);
        Self {
            name: format!("{digest}.{ending}"),
            media_type,
            content: content.into(),
        }
    }

    /// The path that pages name.
    pub(crate) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

fn logo_kind(path: &Path) -> PagesError {
    PagesError::LogoKind {
        path: path.to_owned(),
    }
}

/// The type of an image, by its content and not by its name.
fn kind(content: &[u8]) -> Option<(&'static str, &'static str)> {
    if content.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(("png", "image/png"));
    }
    let text = std::str::from_utf8(content).ok()?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is_svg = ["<svg", "<?xml", "<!--"]
        .iter()
        .any(|mark| start.starts_with(mark))
        && text.contains("<svg");
    is_svg.then_some(("svg", "image/svg+xml"))
}
