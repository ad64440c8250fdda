//! Finds the chain heads in an email that was saved as a file.

use std::fs;
use std::io;
use std::path::Path;

use data_encoding::BASE64_MIME_PERMISSIVE;

use crate::domain::{AttestedHead, ChainHead, Timestamp};

/// The largest email that is read, in bytes.
const LARGEST: usize = 4 << 20;

/// The heads in an email, each once, with the time of its `Date`. Blocks for reading the file.
pub(super) fn heads_of(file: &Path) -> io::Result<Vec<AttestedHead>> {
    let bytes = fs::read(file)?;
    if bytes.len() > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "an email of more than 4 MiB",
        ));
    }
    let text = String::from_utf8_lossy(&bytes);
    let at = date(&text);
    let known = |head| AttestedHead {
        source: file.display().to_string(),
        head,
        at,
    };
    Ok(heads(&text).into_iter().map(known).collect())
}

/// The heads in the text of an email, whichever way its parts are encoded.
fn heads(text: &str) -> Vec<ChainHead> {
    let text = text.replace("\r\n", "\n");
    let mut heads = Vec::new();
    // Quoted-printable breaks lines by a `=` at their ends.
    let joined = text.replace("=\n", "");
    let decoded = text.split("\n\n").filter_map(from_base64);
    for part in [text.clone(), joined].into_iter().chain(decoded) {
        let is_of_head = |character: char| character.is_ascii_alphanumeric() || character == ':';
        for word in part.split(|character| !is_of_head(character)) {
            if let Ok(head) = word.parse()
                && !heads.contains(&head)
            {
                heads.push(head);
            }
        }
    }
    heads
}

/// A paragraph that is in base64, up to the boundary behind it.
fn from_base64(paragraph: &str) -> Option<String> {
    let lines = paragraph.lines().take_while(|line| !line.starts_with("--"));
    let digits: String = lines.collect();
    let bytes = BASE64_MIME_PERMISSIVE.decode(digits.as_bytes()).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The time in the header `Date`.
fn date(text: &str) -> Option<Timestamp> {
    let mut header = text.lines().take_while(|line| !line.is_empty());
    let value = header.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then_some(value.trim())
    })?;
    let parsed = jiff::fmt::rfc2822::parse(value).ok()?;
    Some(Timestamp::from_seconds(parsed.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64_MIME;

    #[test]
    fn heads_are_found_in_each_encoding_of_a_mail() {
        let digits = "0123456789abcdef0123456789abcdef";
        let head = format!("12:{digits}");
        let found = vec![head.parse::<ChainHead>().unwrap()];
        let plain = format!("Subject: x\r\n\r\nA check:\r\n{head}\r\n<p>{head}</p>");
        assert_eq!(heads(&plain), found);
        let (first, rest) = head.split_at(20);
        assert_eq!(heads(&format!("\n\ncheck {first}=\r\n{rest}\n")), found);
        let encoded = BASE64_MIME.encode(format!("Vérification : {head}\n").as_bytes());
        let part = format!("--b\nContent-Transfer-Encoding: base64\n\n{encoded}--b--\n");
        assert_eq!(heads(&part), found);
        assert_eq!(heads("at 12:30, 2026"), []);
    }

    #[test]
    fn the_date_of_a_mail_is_read() {
        let mail = "Subject: Date: no\nDate: Fri, 27 Nov 2026 01:00:00 +0100\n\nDate: no\n";
        assert_eq!(date(mail), Some(Timestamp::from_seconds(1_795_737_600)));
        assert_eq!(
            date("Subject: x\n\nDate: Fri, 27 Nov 2026 01:00:00 +0100"),
            None
        );
    }
}
