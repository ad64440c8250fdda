//! The templates of the pages: built in, or from a folder of the operator.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior};

use super::assets::Asset;
use super::built_in;
use super::next::Next;
use super::view::View;
use super::{PageSettings, PagesError, context, error_page, samples};
use crate::domain::Language;
use crate::http::error::Description;
use crate::i18n::Catalogues;

/// The pages, ready to be filled in.
#[derive(Debug, Clone)]
pub struct Pages {
    environment: Environment<'static>,
    catalogues: Arc<Catalogues>,
    service: String,
    folder: Option<PathBuf>,
    style: Asset,
    script: Asset,
    logo: Option<Asset>,
}

impl Pages {
    /// Reads templates and logo. With templates of the operator, each page is rendered once to check
    /// it; the tests do that for those in the program.
    ///
    /// # Errors
    /// [`PagesError`] names the file and what is wrong with it.
    pub fn new(settings: PageSettings) -> Result<Self, PagesError> {
        let catalogues = Arc::new(Catalogues::built_in());
        let mut pages = Self {
            environment: environment(&catalogues),
            catalogues,
            style: Asset::style(settings.accent),
            script: Asset::script(),
            logo: Asset::logo(&settings)?,
            service: settings.service,
            folder: settings.templates,
        };
        if let Some(folder) = pages.folder.clone() {
            pages.add_folder(&folder)?;
            for view in samples::views("sample") {
                for language in Language::ALL {
                    pages.render(language, &view, None)?;
                }
            }
        }
        Ok(pages)
    }

    fn add_folder(&mut self, folder: &Path) -> Result<(), PagesError> {
        let failed = |path: PathBuf| |source| PagesError::Read { path, source };
        for entry in fs::read_dir(folder).map_err(failed(folder.to_owned()))? {
            let path = entry.map_err(failed(folder.to_owned()))?.path();
            if path.extension().is_none_or(|ending| ending != "html") {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = name.into_owned();
            if built_in::source(&name).is_none() {
                return Err(PagesError::UnknownTemplate { path });
            }
            let source = fs::read_to_string(&path).map_err(failed(path))?;
            self.add(name, source)?;
        }
        Ok(())
    }

    fn add(&mut self, name: String, source: String) -> Result<(), PagesError> {
        let place = self.place(&name);
        self.environment
            .add_template_owned(name, source)
            .map_err(|source| PagesError::BrokenTemplate { place, source })
    }

    /// The place of a template, for the operator who has to correct it.
    fn place(&self, name: &str) -> String {
        let file = self.folder.as_ref().map(|folder| folder.join(name));
        match file.filter(|file| file.exists()) {
            Some(file) => file.display().to_string(),
            None => format!("the built-in page template {name}"),
        }
    }

    /// Writes a page in a language.
    pub(crate) fn render(
        &self,
        language: Language,
        view: &View,
        next: Option<&Next>,
    ) -> Result<String, PagesError> {
        let catalogue = self.catalogues.of(language);
        let frame = context::Frame {
            language,
            service: &self.service,
            style: self.style.path(),
            script: self.script.path(),
            logo: self.logo.as_ref().map(Asset::path),
        };
        let values = context::values(&frame, view, next, catalogue)?;
        let template = self.environment.get_template(view.template);
        let rendered = template.and_then(|template| template.render(values));
        rendered.map_err(|source| PagesError::BrokenTemplate {
            place: self.place(source.name().unwrap_or(view.template)),
            source,
        })
    }

    /// The page for an error.
    pub(crate) fn error_page(
        &self,
        language: Language,
        error: &Description,
    ) -> Result<String, PagesError> {
        self.render(language, &error_page::view(error), None)
    }

    /// The files that pages refer to.
    pub(crate) fn assets(&self) -> impl Iterator<Item = &Asset> {
        [&self.style, &self.script].into_iter().chain(&self.logo)
    }
}

/// Strict and escaping, with the texts as `t("key", placeholder=value)`. A built-in template is
/// compiled when it is first rendered: a service that shows no page keeps none in memory.
fn environment(catalogues: &Arc<Catalogues>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_loader(|name| Ok(built_in::source(name)));
    let catalogues = Arc::clone(catalogues);
    let text = move |state: &State<'_, '_>, key: &str, values: Kwargs| {
        let lang = state.lookup("lang");
        let lang = lang.as_ref().and_then(|lang| lang.as_str());
        let mut all = Language::ALL.into_iter();
        let language = all.find(|language| lang == Some(language.tag()));
        let catalogue = catalogues.of(language.unwrap_or_default());
        let value_of = |name: &str| values.get::<String>(name).ok();
        let text = catalogue.text(key, value_of);
        let text = text.map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()));
        values.assert_all_used()?;
        text
    };
    environment.add_function("t", text);
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that an attacker may choose: an email, a user agent, an address.
    const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=y>&{{ t(\"skip\") }}";

    #[test]
    fn r101_hostile_values_are_escaped_on_every_page() {
        let pages = Pages::new(PageSettings {
            service: HOSTILE.to_owned(),
            ..PageSettings::default()
        });
        let pages = pages.unwrap();
        let mut seen = 0;
        for view in samples::views(HOSTILE) {
            for language in Language::ALL {
                let html = pages.render(language, &view, None).unwrap();
                for raw in ["<script>", "<img src=x", "\"'>", "'><"] {
                    assert!(!html.contains(raw), "{}: {html}", view.template);
                }
                seen += html.matches("alert(1)").count();
            }
        }
        assert!(seen > 100, "the pages show the values: {seen}");
    }

    #[test]
    fn every_template_of_a_page_has_a_sample() {
        let parts = [
            "admin_nav.html",
            "back.html",
            "base.html",
            "fields.html",
            "keep.html",
            "passkey_failed.html",
        ];
        let views = samples::views("x");
        for (name, _) in built_in::BUILT_IN {
            let is_tried = views.iter().any(|view| view.template == name);
            assert!(is_tried || parts.contains(&name), "{name}");
        }
    }

    /// Tags are closed, ids are unique, and the descriptions that fields refer to exist.
    #[test]
    fn every_page_is_well_formed() {
        let pages = Pages::new(PageSettings::default()).unwrap();
        for view in samples::views("x") {
            let html = pages.render(Language::English, &view, None).unwrap();
            for tag in [
                "form", "label", "ul", "li", "dl", "div", "p", "button", "main", "h1",
            ] {
                let opened = html.matches(&format!("<{tag}>")).count()
                    + html.matches(&format!("<{tag} ")).count();
                assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{html}");
            }
            let ids: Vec<&str> = html
                .split(" id=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            for id in &ids {
                assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{id}");
            }
            let described = html.split("aria-describedby=\"").skip(1);
            for id in described.flat_map(|rest| rest.split('"').next().unwrap().split(' ')) {
                assert!(ids.contains(&id), "{id}: {html}");
            }
        }
    }
}
