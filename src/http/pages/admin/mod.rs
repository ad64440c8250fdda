//! Administration: pages for members of the group `admins`.

mod act_form;
mod apps;
mod audit;
mod groups;
mod invitations;
mod passkey;
mod refusals;
mod user_acts;
mod users;
mod visit;

use super::rows;
use crate::http::resource::{Resource, RouteHandler};
use visit::{AdminPost, AdminVisit};

/// How many rows a page lists at most.
const PAGE: u32 = 20;

/// How many bytes these rows take at most, beside the frame of the page and the style sheet.
const ROOM: usize = 5_500;

/// Keeps the rows that one page shows, and returns the last of them if there are more.
fn cut<T>(rows: &mut Vec<T>, bytes: impl Fn(&T) -> usize) -> Option<&T> {
    rows::cut(rows, PAGE as usize, ROOM, bytes)
}

/// A page of administration. Its handlers get the request through [`AdminVisit`] or [`AdminPost`]
/// alone, which check that the client is an administrator.
struct AdminPage(Resource);

impl AdminPage {
    fn new(path: &'static str) -> Self {
        Self(Resource::new(path))
    }

    fn get(self, handler: impl RouteHandler<(AdminVisit,)>) -> Self {
        Self(self.0.get(handler))
    }

    fn post(self, handler: impl RouteHandler<(AdminPost,)>) -> Self {
        Self(self.0.post(handler))
    }
}

/// The routes of administration.
pub(super) fn routes() -> impl Iterator<Item = Resource> {
    let pages = [
        AdminPage::new("/admin").get(users::list),
        AdminPage::new("/admin/users/{id}").get(users::show),
        AdminPage::new("/admin/users/{id}/audit").get(audit::show),
        AdminPage::new("/admin/users/{id}/disable")
            .get(|visit| user_acts::DISABLE.show(visit))
            .post(|post| user_acts::DISABLE.submit(post)),
        AdminPage::new("/admin/users/{id}/enable")
            .get(|visit| user_acts::ENABLE.show(visit))
            .post(|post| user_acts::ENABLE.submit(post)),
        AdminPage::new("/admin/users/{id}/end-sessions")
            .get(|visit| user_acts::END_SESSIONS.show(visit))
            .post(|post| user_acts::END_SESSIONS.submit(post)),
        AdminPage::new("/admin/users/{id}/reset-link")
            .get(|visit| user_acts::RESET_LINK.show(visit))
            .post(|post| user_acts::RESET_LINK.submit(post)),
        AdminPage::new("/admin/users/{id}/reset-second-factor")
            .get(|visit| user_acts::RESET_SECOND_FACTOR.show(visit))
            .post(|post| user_acts::RESET_SECOND_FACTOR.submit(post)),
        AdminPage::new("/admin/users/{id}/delete")
            .get(|visit| user_acts::DELETE.show(visit))
            .post(|post| user_acts::DELETE.submit(post)),
        AdminPage::new("/admin/users/{id}/add-to-group")
            .get(|visit| user_acts::ADD_TO_GROUP.show(visit))
            .post(|post| user_acts::ADD_TO_GROUP.submit(post)),
        AdminPage::new("/admin/passkey/options").post(passkey::begin),
        AdminPage::new("/admin/groups").get(groups::list),
        AdminPage::new("/admin/new-group")
            .get(groups::show_new)
            .post(groups::submit_new),
        AdminPage::new("/admin/groups/{group}").get(groups::show),
        AdminPage::new("/admin/groups/{group}/add")
            .get(groups::show_add)
            .post(groups::submit_add),
        AdminPage::new("/admin/groups/{group}/remove/{id}")
            .get(groups::show_remove)
            .post(groups::submit_remove),
        AdminPage::new("/admin/groups/{group}/delete")
            .get(groups::show_delete)
            .post(groups::submit_delete),
        AdminPage::new("/admin/invitations").get(invitations::list),
        AdminPage::new("/admin/new-invitation")
            .get(invitations::show_new)
            .post(invitations::submit_new),
        AdminPage::new("/admin/invitations/{id}/revoke")
            .get(invitations::show_revoke)
            .post(invitations::submit_revoke),
        AdminPage::new("/admin/apps").get(apps::list),
        AdminPage::new("/admin/new-app")
            .get(apps::show_new)
            .post(apps::submit_new),
        AdminPage::new("/admin/apps/{app}/groups")
            .get(apps::show_groups)
            .post(apps::submit_groups),
        AdminPage::new("/admin/apps/{app}/remove")
            .get(apps::show_remove)
            .post(apps::submit_remove),
    ];
    pages.into_iter().map(|AdminPage(page)| page)
}
