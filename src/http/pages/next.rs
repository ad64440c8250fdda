//! Where a page leads after its last step: the one check of every `next`.

use url::form_urlencoded::Serializer;

use crate::domain::LocalPath;

/// A path with a query.
pub(crate) fn with_query<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}

/// The longest `next` that is read, in bytes.
const LENGTH_MAX: usize = 2000;

/// A target that a link or a form named, and that a redirect may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next(LocalPath);

impl Next {
    /// Reads a text that anybody may have written; none for one that could lead to a host that
    /// is not ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = Some(text).filter(|text| text.len() <= LENGTH_MAX)?;
        LocalPath::parse(text).map(Self)
    }

    /// The value for `Location`.
    pub(crate) fn location(&self) -> &str {
        self.0.as_str()
    }

    /// The query by which links carry it to the next page.
    pub(crate) fn query(&self) -> String {
        with_query("", [("next", self.location())])
    }
}
