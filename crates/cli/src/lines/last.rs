//! How much of a log is asked for: `--last 7d`.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// A stretch of time as in `1h`, `7d`, `2 weeks` or `1d 12h`; a day has 24 hours.
///
/// # Errors
/// It is none, or not above 0.
pub(crate) fn parse_last(text: &str) -> Result<Duration, String> {
    let refused = || format!("{text:?} is not a time such as \"1h\", \"7d\" or \"1d 12h\"");
    let span = SpanParser::new().parse_span(text.trim());
    let span = span.map_err(|_| refused())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let duration = duration.map_err(|_| refused())?;
    let duration = Duration::try_from(duration).map_err(|_| refused())?;
    if duration.is_zero() {
        return Err("a time above 0 is needed".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_weeks_are_times() {
        for (text, hours) in [
            ("1h", 1),
            ("7d", 168),
            ("1d 12h", 36),
            ("2w", 336),
            ("90m 30m", 0),
        ] {
            match hours {
                0 => assert!(parse_last(text).is_err(), "{text}"),
                _ => assert_eq!(parse_last(text), Ok(Duration::from_hours(hours)), "{text}"),
            }
        }
        for bad in ["", "0s", "-5s", "5", "soon", "1d ago", "1 month"] {
            assert!(parse_last(bad).is_err(), "{bad}");
        }
    }
}
