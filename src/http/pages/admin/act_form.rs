//! The form of an act: what it does, its fields, and the administrator's password or passkey.

use minijinja::context;

use super::visit::AdminVisit;
use crate::http::pages::field::Field;
use crate::http::pages::view::View;

/// The texts of a form. Each is a key of the catalogue.
#[derive(Debug, Clone, Copy)]
pub(super) struct ActForm {
    pub(super) title: &'static str,
    /// What the act does, with `{name}` of its object.
    pub(super) intro: &'static str,
    pub(super) submit: &'static str,
    pub(super) is_danger: bool,
}

impl ActForm {
    /// The form for an object. It is posted to `action`; `back` leads away without the act.
    pub(super) fn view(
        &self,
        admin: &AdminVisit,
        name: &str,
        (action, back): (&str, &str),
        fields: Vec<Field>,
    ) -> View {
        View::new("admin_act.html", self.title)
            .fields(fields)
            .script(admin.has_passkey())
            .data(context! {
                name,
                action,
                back,
                administrator => admin.email(),
                intro => self.intro,
                submit => self.submit,
                danger => self.is_danger,
                asks_second_factor => false,
                second_factor => false,
                passkey => admin.has_passkey(),
            })
    }
}
