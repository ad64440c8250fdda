//! Common parts of all pages: headers, size, style, and the operator's changes.

use std::fs;

use actix_web::http::Method;
use bienvenue::http::{PageSettings, Pages, PagesError};

use super::visitor::Visitor;
use super::{assert_page, navigation};
use crate::support::Place;
use crate::support::app::{Answer, Setup, app};

const PATHS: [&str; 7] = [
    "/login",
    "/register",
    "/forgot",
    "/forgot?sent=1",
    "/reset",
    "/verify-email",
    "/nix",
];

fn style(page: &Answer) -> &str {
    let (_, path) = page.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    path.split_once('"').unwrap().0
}

/// A path in a page, with its slashes as they are.
fn decoded(path: &str) -> String {
    path.replace("&#x2f;", "/")
}

#[actix_web::test]
async fn r101_page_has_a_policy_without_scripts() {
    let app = app().await;
    for path in PATHS {
        let page = Visitor::default().get(&app, path).await;
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self' data:; \
                 frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
            ),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(page.headers(name), [value], "{path}");
        }
        assert_eq!(page.header("cross-origin-opener-policy"), None);
        for forbidden in ["<script", "javascript:", " onclick", " style=", "http://"] {
            assert!(!page.body.contains(forbidden), "{path}: {forbidden}");
        }
    }
}

#[actix_web::test]
async fn page_and_style_sheet_fit_into_14_kib() {
    let app = app().await;
    for path in PATHS {
        let page = Visitor::default().get(&app, path).await;
        let style = app
            .send(navigation(Method::GET, &decoded(style(&page))))
            .await;
        assert_eq!(style.status, 200);
        let heads = 2 * 1024;
        let size = page.body.len() + style.body.len() + heads;
        assert!(size <= 14 * 1024, "{path}: {size}");
    }
}

#[actix_web::test]
async fn style_sheet_is_cached_under_the_hash_of_its_content() {
    let colours = ["#1f5f8b", "#ffd400"].map(|text| PageSettings {
        accent: text.parse().unwrap(),
        ..PageSettings::default()
    });
    let mut paths = Vec::new();
    for settings in colours {
        let accent = settings.accent.to_string();
        let setup = Setup {
            pages: Some(settings),
            ..Setup::new()
        };
        let app = setup.start().await;
        let page = Visitor::default().get(&app, "/login").await;
        let path = decoded(style(&page));
        let style = app.send(navigation(Method::GET, &path)).await;
        assert_eq!(
            style.header("content-type"),
            Some("text/css; charset=utf-8")
        );
        assert_eq!(
            style.headers("cache-control"),
            ["public, max-age=31536000, immutable"]
        );
        assert!(style.body.contains(&format!("--accent:{accent}")));
        assert!(!style.body.contains("ACCENT"));
        paths.push(path);
    }
    assert_ne!(paths[0], paths[1]);
}

#[actix_web::test]
async fn operator_sets_name_and_logo() {
    let place = Place::new();
    let logo = place.path("logo.svg");
    fs::write(&logo, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    let setup = Setup {
        pages: Some(PageSettings {
            service: "Ann & <b>Sons</b>".to_owned(),
            logo: Some(logo),
            ..PageSettings::default()
        }),
        ..Setup::at(place)
    };
    let app = setup.start().await;
    let page = Visitor::default().get(&app, "/login").await;
    assert!(page.body.contains("Ann &amp; &lt;b&gt;Sons"));
    assert!(!page.body.contains("<b>"));
    let (_, path) = page.body.split_once("<img src=\"").unwrap();
    let path = decoded(path.split_once('"').unwrap().0);
    let logo = app.send(navigation(Method::GET, &path)).await;
    assert_eq!(logo.header("content-type"), Some("image/svg+xml"));
    let policy = logo.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.ends_with("sandbox"));
}

#[test]
fn logo_is_a_small_image() {
    let place = Place::new();
    let with = |content: &[u8]| {
        let path = place.path("logo.png");
        fs::write(&path, content).unwrap();
        Pages::new(PageSettings {
            logo: Some(path),
            ..PageSettings::default()
        })
    };
    assert!(with(b"\x89PNG\r\n\x1a\n...").is_ok());
    assert!(with(b"<?xml version=\"1.0\"?>\n<svg/>").is_ok());
    for bad in [b"<html><svg>".as_slice(), b"GIF89a", b"", b"\xff<svg"] {
        assert!(matches!(with(bad), Err(PagesError::LogoKind { .. })));
    }
    let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
    large.resize(65 * 1024, 0);
    assert!(matches!(with(&large), Err(PagesError::LogoTooLarge { .. })));
    let missing = Pages::new(PageSettings {
        logo: Some(place.path("nix")),
        ..PageSettings::default()
    });
    assert!(matches!(missing, Err(PagesError::Read { .. })));
}

#[actix_web::test]
async fn template_in_the_folder_replaces_the_built_in_one() {
    let place = Place::new();
    let folder = place.path("templates");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("README.txt"), "not a template").unwrap();
    let with = |name: &str, source: &str| {
        fs::write(folder.join(name), source).unwrap();
        Pages::new(PageSettings {
            templates: Some(folder.clone()),
            ..PageSettings::default()
        })
    };
    let unknown = with("logn.html", "x").unwrap_err().to_string();
    assert!(
        unknown.contains("logn.html: no page has a template"),
        "{unknown}"
    );
    assert!(unknown.contains("login.html"), "{unknown}");
    fs::remove_file(folder.join("logn.html")).unwrap();
    for broken in [
        "{% if %}",
        "{{ nix }}",
        "{{ t(\"nix\") }}",
        "{{ t(\"login.title\", a=1) }}",
    ] {
        let error = with("login.html", broken).unwrap_err().to_string();
        assert!(error.contains("templates/login.html"), "{broken}: {error}");
    }
    fs::write(
        folder.join("login.html"),
        "<!DOCTYPE html>Hi {{ t(\"login.title\") }}</html>",
    )
    .unwrap();
    let setup = Setup {
        pages: Some(PageSettings {
            templates: Some(folder),
            ..PageSettings::default()
        }),
        ..Setup::at(place)
    };
    let app = setup.start().await;
    let page = Visitor::reading("fr").get(&app, "/login").await;
    assert_page(&page, 200);
    assert!(page.body.contains("Hi Connexion"));
    assert_page(&Visitor::default().get(&app, "/register").await, 200);
}
