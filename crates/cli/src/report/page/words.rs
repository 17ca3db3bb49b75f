//! Times, numbers and what a chart shows, in words.

use jiff::Timestamp;
use jiff::fmt::strtime;
use maud::{Markup, html};
use tachograph::format::{millis, span};

/// A moment. The page's script says it in the reader's zone; without it, it stands there in UTC.
pub(super) fn moment(seconds: f64) -> Markup {
    #[expect(clippy::cast_possible_truncation)]
    let whole = seconds.round() as i64; // Saturates.
    let Ok(time) = Timestamp::from_second(whole) else {
        return html! { "an unknown time" };
    };
    let text = strtime::format("%Y-%m-%d %H:%M:%S UTC", time).unwrap_or_else(|_| time.to_string());
    html! { time.nowrap datetime=(time) { (text) } }
}

/// A count with its thousands set apart: `1 234 567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join("\u{202f}") // A narrow space that does not break.
}

/// A name that may be broken where its words end, on a narrow screen.
pub(super) fn breakable(name: &str) -> Markup {
    let parts = name.split_inclusive(['_', '.']);
    html! { @for part in parts { (part) wbr; } }
}

/// How long a bucket is: `5m`, `2h`.
pub(super) fn bucket(seconds: f64) -> String {
    if seconds < 1.0 {
        return millis(seconds * 1000.0);
    }
    let text = span(seconds);
    let (large, small) = text.split_once(' ').unwrap_or((&text, ""));
    if small.starts_with("00") {
        large.to_owned()
    } else {
        text
    }
}

/// A number, or that there is none.
pub(super) fn known(value: Option<f64>, format: fn(f64) -> String) -> String {
    value.map_or_else(|| "not known".to_owned(), format)
}

/// The least and the greatest of what is known, with the place of the latter.
pub(super) fn extent(values: &[Option<f64>]) -> Option<(f64, f64, usize)> {
    let known = || {
        let known = values.iter().enumerate();
        known.filter_map(|(place, value)| Some((place, (*value)?)))
    };
    let (_, low) = known().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let (place, high) = known().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((low, high, place))
}

/// `name from 3.00 ms to 85.0 ms`.
pub(super) fn range(name: &str, values: &[Option<f64>], format: fn(f64) -> String) -> String {
    match extent(values) {
        Some((low, high, _)) => format!("{name} from {} to {}", format(low), format(high)),
        None => format!("{name} not known"),
    }
}

/// What the chart of a timer over time shows.
pub(super) fn timer_over_time(name: &str, timer: &super::super::data::TimerCharts) -> String {
    let parts = [
        ("p50", &timer.p50),
        ("p95", &timer.p95),
        ("max", &timer.max),
    ];
    let parts = parts.map(|(name, values)| range(name, values, millis));
    format!("{name} over time: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (1_234_567, "1 234 567"),
        ] {
            assert_eq!(count(number).replace('\u{202f}', " "), text);
        }
    }

    #[test]
    fn names_break_between_words_and_stay_escaped() {
        let text = breakable("llm_<b>.p95").into_string();
        assert_eq!(text, "llm_<wbr>&lt;b&gt;.<wbr>p95<wbr>");
    }

    #[test]
    fn moments_are_utc_until_a_script_says_otherwise() {
        let text = moment(1_762_178_525.4).into_string();
        assert!(text.contains("datetime=\"2025-11-03T14:02:05Z\""), "{text}");
        assert!(text.contains("2025-11-03 14:02:05 UTC"), "{text}");
        assert_eq!(moment(1e300).into_string(), "an unknown time");
    }

    #[test]
    fn an_extent_is_of_what_is_known() {
        assert_eq!(
            extent(&[None, Some(2.0), Some(5.0), Some(1.0)]),
            Some((1.0, 5.0, 2))
        );
        assert_eq!(extent(&[None]), None);
    }
}
