//! Keyboard runs: passwords that follow rows of keys or of letters.

/// Rows of keys and of characters. Each is a ring: a run may continue from its end to its start.
const ROWS: [&str; 23] = [
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    // The QWERTY, QWERTZ and AZERTY keyboards.
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "!@#$%^&*()",
    // Columns, from top to bottom.
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik,",
    "9ol.",
    "0p;/",
    "qaz",
    "wsx",
];

/// The length of the shortest run.
const SHORTEST: usize = 3;

/// Whether a password in lower case consists only of runs along rows, or of repeated characters.
/// For backward runs, the caller reverses the password.
pub(super) fn is_made_of_rows(password: &str) -> bool {
    let mut left = password;
    while !left.is_empty() {
        let run = ROWS
            .iter()
            .map(|row| run_along(row, left))
            .chain([held_down(left)])
            .max()
            .unwrap_or(0);
        if run < SHORTEST {
            return false;
        }
        let end = left
            .char_indices()
            .nth(run)
            .map_or(left.len(), |(at, _)| at);
        left = left.split_at(end).1;
    }
    true
}

/// The length of the run along a row at the beginning of a text.
fn run_along(row: &str, text: &str) -> usize {
    let Some(start) = text.chars().next().and_then(|first| row.find(first)) else {
        return 0;
    };
    let ring = row.chars().cycle().skip(start);
    text.chars().zip(ring).take_while(|(a, b)| a == b).count()
}

fn held_down(text: &str) -> usize {
    let Some(first) = text.chars().next() else {
        return 0;
    };
    text.chars().take_while(|next| *next == first).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_length_are_found_in_sequence() {
        for password in [
            "12345678",
            "1234567890123456789012345",
            "xyzabcdefghijkl",
            "qwertyuiopasdfghjkl",
            "1qaz2wsx3edc4rfv",
            "azertyuiopqsdfghjklm",
            "abcdefgh1234567",
            "aaaaaaaabbbbbbbb",
            "éééééééé",
        ] {
            assert!(is_made_of_rows(password), "{password}");
        }
        for password in [
            "qwertyuiop12",
            "12 345678",
            "a",
            "horse staple",
            "qwerty-horses",
        ] {
            assert!(!is_made_of_rows(password), "{password}");
        }
    }
}
