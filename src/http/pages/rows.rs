//! How many rows of a list a page shows: with all that it loads, it has at most 14 KiB.

/// Keeps the rows that one page shows: at least one, and no more than `most` or than `room` bytes
/// hold. `bytes` is about what a row takes. Returns the last row if there are more.
pub(super) fn cut<T>(
    rows: &mut Vec<T>,
    most: usize,
    room: usize,
    bytes: impl Fn(&T) -> usize,
) -> Option<&T> {
    let mut sum = 0;
    let fitting = rows.iter().take(most).take_while(|row| {
        sum += bytes(row);
        sum <= room
    });
    let shown = fitting.count().max(1);
    let is_full = rows.len() > shown;
    rows.truncate(shown);
    rows.last().filter(|_| is_full)
}
