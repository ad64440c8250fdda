//! Common passwords, which are refused.

use std::cmp::Ordering;

use super::repeated_unit;

/// The most common passwords, one per line, in lower case and sorted by bytes: for each minimum
/// length from 4 on, the 3,000 most common of at least that length. `common_passwords.md` names
/// their source.
const COMMON: &str = include_str!("common_passwords.txt");

/// Whether a password in lower case is a common one, or a repetition of one.
pub(super) fn is_common(password: &str) -> bool {
    let unit = repeated_unit(password);
    unit.chars().nth(1).is_none() || is_a_line_of(COMMON, password) || is_a_line_of(COMMON, unit)
}

/// Binary search for a line in sorted lines.
fn is_a_line_of(sorted: &str, line: &str) -> bool {
    let is_end = |byte: &u8| *byte == b'\n';
    let mut left = sorted.as_bytes();
    while !left.is_empty() {
        let (head, tail) = left.split_at(left.len() / 2);
        let start = head.iter().rposition(is_end).map_or(0, |end| end + 1);
        let (before, begun) = head.split_at(start);
        let end = tail.iter().position(is_end).unwrap_or(tail.len());
        let (ended, after) = tail.split_at(end);
        let middle = begun.iter().chain(ended);
        left = match middle.cmp(line.as_bytes()) {
            Ordering::Equal => return true,
            Ordering::Greater => before,
            Ordering::Less => after.strip_prefix(b"\n").unwrap_or(after),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_is_sorted_and_covers_every_minimum_length() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|line| line.len() >= 4));
        assert_eq!(COMMON, COMMON.to_lowercase());
        for minimum in 4..=17 {
            let fit = lines.iter().filter(|line| line.len() >= minimum).count();
            assert!(fit >= 3000, "{fit} of {minimum} characters and more");
        }
    }

    #[test]
    fn every_line_is_found_and_nothing_else() {
        for line in COMMON.lines() {
            assert!(is_a_line_of(COMMON, line), "{line}");
            assert!(!is_a_line_of(COMMON, &format!("{line}~")), "{line}");
        }
        for other in ["", "\n", "!", "~~~~", "password\npassword1"] {
            assert!(!is_a_line_of(COMMON, other), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn the_binary_search_finds_what_a_linear_one_finds(
            lines in prop::collection::btree_set("[a-c]{1,4}", 0..40),
            sought in "[a-c\n]{0,5}",
            ends_with_a_new_line: bool,
        ) {
            let mut sorted = lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
            if ends_with_a_new_line {
                sorted.push('\n');
            }
            for sought in lines.iter().chain([&sought]) {
                let read = sorted.lines().any(|line| line == sought);
                prop_assert_eq!(is_a_line_of(&sorted, sought), read);
            }
        }
    }
}
