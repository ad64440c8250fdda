//! Acts on a user. Each has a page of its own, which asks for the password.

use actix_web::HttpResponse;

use super::act_form::ActForm;
use super::visit::{AdminPost, AdminVisit};
use crate::auth::AdminAct;
use crate::domain::{Email, UserId};
use crate::http::Refusal;
use crate::http::pages::field::Field;
use crate::http::pages::posted_form::PostedForm;
use crate::http::pages::view::View;
use crate::http::pages::visit::see_other;

/// An act on a user.
pub(super) struct UserAct {
    /// The end of its path.
    path: &'static str,
    form: ActForm,
    /// The fields beside the password.
    fields: fn() -> Vec<Field>,
    /// Takes the fields; none if one is wrong.
    read: fn(UserId, &Email, &mut PostedForm) -> Option<AdminAct>,
    /// The code of the confirmation.
    done: &'static str,
}

impl UserAct {
    /// Shows the form.
    pub(super) async fn show(&self, admin: AdminVisit) -> Result<HttpResponse, Refusal> {
        let (id, email) = user(&admin).await?;
        let mut fields = (self.fields)();
        fields.push(Field::own_password());
        admin.visit.show(&self.view(&admin, id, &email, fields))
    }

    /// Carries the act out.
    pub(super) async fn submit(&self, mut post: AdminPost) -> Result<HttpResponse, Refusal> {
        let (id, email) = user(&post.admin).await?;
        let act = (self.read)(id, &email, &mut post.form);
        let view = |admin: &AdminVisit, fields| self.view(admin, id, &email, fields);
        post.act(act, view).await?;
        let back = if self.done == "deleted" {
            "/admin?done=deleted".to_owned()
        } else {
            format!("/admin/users/{id}?done={}", self.done)
        };
        Ok(see_other(&back).finish())
    }

    fn view(&self, admin: &AdminVisit, id: UserId, email: &Email, fields: Vec<Field>) -> View {
        let back = format!("/admin/users/{id}");
        let action = format!("{back}/{}", self.path);
        let name = email.as_str();
        self.form.view(admin, name, (&action, &back), fields)
    }
}

/// The user in the path.
async fn user(admin: &AdminVisit) -> Result<(UserId, Email), Refusal> {
    let id = admin.user_id()?;
    let read = admin.read(move |auth, administrator| auth.email_of(administrator, id));
    Ok((id, read.await?))
}

pub(super) static DISABLE: UserAct = UserAct {
    path: "disable",
    form: ActForm {
        title: "admin.disable.title",
        intro: "admin.disable.intro",
        submit: "admin.disable.submit",
        is_danger: true,
    },
    fields: Vec::new,
    read: |id, _, _| Some(AdminAct::Disable(id)),
    done: "disabled",
};

pub(super) static ENABLE: UserAct = UserAct {
    path: "enable",
    form: ActForm {
        title: "admin.enable.title",
        intro: "admin.enable.intro",
        submit: "admin.enable.submit",
        is_danger: false,
    },
    fields: Vec::new,
    read: |id, _, _| Some(AdminAct::Enable(id)),
    done: "enabled",
};

pub(super) static END_SESSIONS: UserAct = UserAct {
    path: "end-sessions",
    form: ActForm {
        title: "admin.end_sessions.title",
        intro: "admin.end_sessions.intro",
        submit: "admin.end_sessions.submit",
        is_danger: true,
    },
    fields: Vec::new,
    read: |id, _, _| Some(AdminAct::EndSessions(id)),
    done: "sessions",
};

pub(super) static RESET_LINK: UserAct = UserAct {
    path: "reset-link",
    form: ActForm {
        title: "admin.reset_link.title",
        intro: "admin.reset_link.intro",
        submit: "admin.reset_link.submit",
        is_danger: false,
    },
    fields: Vec::new,
    read: |id, _, _| Some(AdminAct::SendResetLink(id)),
    done: "reset_link",
};

pub(super) static RESET_SECOND_FACTOR: UserAct = UserAct {
    path: "reset-second-factor",
    form: ActForm {
        title: "admin.reset_second_factor.title",
        intro: "admin.reset_second_factor.intro",
        submit: "admin.reset_second_factor.submit",
        is_danger: true,
    },
    fields: Vec::new,
    read: |id, _, _| Some(AdminAct::ResetSecondFactor(id)),
    done: "second_factor",
};

pub(super) static DELETE: UserAct = UserAct {
    path: "delete",
    form: ActForm {
        title: "admin.delete.title",
        intro: "admin.delete.intro",
        submit: "admin.delete.submit",
        is_danger: true,
    },
    fields: || vec![Field::user_email()],
    read: |id, _, form| {
        let typed = form.take(Field::user_email(), Email::parse)?;
        Some(AdminAct::Delete(id, typed))
    },
    done: "deleted",
};

pub(super) static ADD_TO_GROUP: UserAct = UserAct {
    path: "add-to-group",
    form: ActForm {
        title: "admin.add_to_group.title",
        intro: "admin.add_to_group.intro",
        submit: "admin.add_member.submit",
        is_danger: false,
    },
    fields: || vec![Field::group()],
    read: |_, email, form| {
        let group = form.take(Field::group(), str::parse)?;
        Some(AdminAct::AddMember(group, email.clone()))
    },
    done: "group",
};
