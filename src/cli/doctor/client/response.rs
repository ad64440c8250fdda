//! HTTP responses, as far as the checks read them.

use super::Certificate;

/// A response. The body is as it was sent, possibly in chunks.
#[derive(Debug)]
pub(in crate::cli::doctor) struct Response {
    pub(in crate::cli::doctor) status: u16,
    headers: Vec<(String, String)>,
    pub(in crate::cli::doctor) body: String,
    /// The certificate, if the connection has TLS.
    pub(in crate::cli::doctor) certificate: Option<Certificate>,
}

impl Response {
    pub(super) fn parse(bytes: &[u8], certificate: Option<Certificate>) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let is_http = words.next()?.starts_with("HTTP/1.");
        let status = words.next()?.parse().ok().filter(|_| is_http)?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self {
            status,
            headers,
            body: body.to_owned(),
            certificate,
        })
    }

    /// The values of a header, whose name is in lower case.
    pub(in crate::cli::doctor) fn all<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let found = self.headers.iter().filter(move |(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The first value of a header.
    pub(in crate::cli::doctor) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it is a redirect to a URL that begins so.
    pub(in crate::cli::doctor) fn leads_to(&self, beginning: &str) -> bool {
        let location = self.header("location");
        self.is_redirect() && location.is_some_and(|location| location.starts_with(beginning))
    }

    pub(in crate::cli::doctor) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// Whether a proxy says that it does not reach what is behind it.
    pub(in crate::cli::doctor) fn is_of_a_proxy_alone(&self) -> bool {
        matches!(self.status, 502 | 504)
            || self.status == 503 && self.header("x-request-id").is_none()
    }
}

/// Whether a response has come as a whole, by its `Content-Length`.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some((head, body)) = end.and_then(|end| bytes.split_at_checked(end + 4)) else {
        return false;
    };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    length.is_some_and(|length| {
        length
            .trim()
            .parse()
            .is_ok_and(|length: usize| body.len() >= length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_ends_with_its_length() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nhi";
        assert!(is_complete(whole));
        assert!(!is_complete(&whole[..whole.len() - 1]));
        assert!(!is_complete(b"HTTP/1.1 200 OK\r\n\r\nhi"));
        let response = Response::parse(whole, None).unwrap();
        assert_eq!((response.status, response.body.as_str()), (200, "hi"));
        assert_eq!(response.header("a"), Some("b"));
        assert!(Response::parse(b"220 mail.example.org ESMTP\r\n\r\n", None).is_none());
    }
}
