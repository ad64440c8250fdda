//! The target after the last step of a page: the one check of every `next`.

use url::form_urlencoded::Serializer;

use crate::auth::AuthError;
use crate::domain::{AppUrl, LocalPath, Origin, SessionId};
use crate::http::BlockingExecutor;

/// A path with a query.
pub(crate) fn with_query<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}

/// The target after a login without another target.
pub(crate) const ACCOUNT: &str = "/account";

/// The page for a user who has to set up a second factor first.
pub(crate) const SECOND_FACTOR: &str = "/account/second-factor";

/// A target that a link or a form named, and that a redirect may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next {
    text: String,
    /// None for a path of this service.
    app: Option<AppUrl>,
}

impl Next {
    /// Parses a text that an attacker may have written; none for one that could lead to a host that
    /// is neither ours nor that of a registered application. Looks up whether there is one.
    pub(crate) async fn read(text: &str, executor: &BlockingExecutor) -> Option<Self> {
        if let Some(path) = LocalPath::parse(text) {
            let text = path.as_str().to_owned();
            return Some(Self { text, app: None });
        }
        let text = AppUrl::parse(text)?.to_string();
        let app = {
            let text = text.clone();
            executor.run_read(move |auth| auth.app_url(&text)).await
        };
        // If the lookup fails, the target is refused.
        let app = app.unwrap_or_default()?;
        let app = Some(app);
        Some(Self { text, app })
    }

    /// The value for `Location` in a response that is not a login, and for links and forms.
    pub(crate) fn location(&self) -> &str {
        &self.text
    }

    /// The value for `Location` after a login: an application on another host is opened with a
    /// code that is good once.
    ///
    /// # Errors
    /// Those of [`Auth::open_app`](crate::auth::Auth::open_app).
    pub(crate) async fn opened(
        &self,
        session_id: SessionId,
        executor: &BlockingExecutor,
    ) -> Result<String, AuthError> {
        let Some(app) = self.app.clone() else {
            return Ok(self.text.clone());
        };
        let opened = executor
            .run_write(move |auth| auth.open_app(&session_id, &app))
            .await?;
        Ok(opened.to_string())
    }

    /// The host beside our own to which a form may lead.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.app.as_ref().map(AppUrl::origin)
    }

    /// The query by which links carry it to the next page.
    pub(crate) fn query(&self) -> String {
        with_query("", [("next", self.location())])
    }
}
