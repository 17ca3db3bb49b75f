//! Text that fits.

use jiff::Timestamp;
use tachograph::format;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text from a log: nothing in it may steer the terminal or turn the direction of its line.
pub(crate) fn clean(text: &str) -> String {
    let steers = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    format::clean(text).replace(steers, "?")
}

/// The columns that a text takes.
pub(crate) fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// The beginning of a text that fits into `columns`, with `…` where something is missing.
pub(crate) fn fit(text: &str, columns: u16) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept = take(text.chars(), columns);
    kept.into_iter().chain(ellipsis(columns)).collect()
}

/// The end of a text that fits into `columns`, with `…` where something is missing: for paths.
pub(crate) fn fit_end(text: &str, columns: u16) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept = take(text.chars().rev(), columns);
    ellipsis(columns)
        .into_iter()
        .chain(kept.into_iter().rev())
        .collect()
}

fn ellipsis(columns: u16) -> Option<char> {
    (columns > 0).then_some('…')
}

/// As many as leave a column free.
fn take(chars: impl Iterator<Item = char>, columns: u16) -> Vec<char> {
    let mut left = usize::from(columns.saturating_sub(1));
    chars
        .map_while(|c| {
            left = left.checked_sub(c.width().unwrap_or(0))?;
            Some(c)
        })
        .collect()
}

/// The time of day of a moment in Unix seconds, UTC.
pub(crate) fn utc(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation)]
    let time = Timestamp::from_second(seconds as i64); // Saturates, and is refused then.
    time.map_or_else(
        |_| "?".to_owned(),
        |time| format!("{}Z", time.strftime("%H:%M:%S")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_by_columns_not_by_characters() {
        assert_eq!(fit("motion", 6), "motion");
        assert_eq!(fit("motion", 5), "moti…");
        assert_eq!(fit("動き検出", 8), "動き検出");
        assert_eq!(fit("動き検出", 6), "動き…");
        assert_eq!(fit("動き検出", 0), "");
        assert_eq!(fit_end("logs/metrics.json", 8), "…cs.json");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(clean("a\u{1b}[2J\u{202e}b\u{200b}"), "a?[2J?b?");
    }
}
