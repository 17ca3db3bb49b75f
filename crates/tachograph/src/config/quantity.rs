//! Durations and sizes as people write them.

use std::time::Duration;

use jiff::fmt::friendly::{SpanParser, SpanPrinter};

/// Sizes by their unit, in bytes. As everywhere here a megabyte is a mebibyte.
const SIZES: [(&str, f64); 11] = [
    ("", 1.0),
    ("b", 1.0),
    ("kb", 1024.0),
    ("k", 1024.0),
    ("kib", 1024.0),
    ("mb", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("gb", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
    ("tb", 1_099_511_627_776.0),
    ("tib", 1_099_511_627_776.0),
];

/// A duration such as `60s`, `1h 30m`, `1.5s` or `100ms`.
///
/// # Errors
/// One sentence that names the text.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(tachograph::parse_duration("1m 30s"), Ok(Duration::from_secs(90)));
/// assert!(tachograph::parse_duration("90").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    static PARSER: SpanParser = SpanParser::new();
    let refused = || format!("{text:?} is not a duration such as \"60s\", \"1h 30m\" or \"100ms\"");
    if text.contains("ago") || text.trim_start().starts_with('-') {
        return Err(refused());
    }
    PARSER
        .parse_unsigned_duration(text.trim())
        .map_err(|_| refused())
}

/// A duration as [`parse_duration`] reads it.
pub(crate) fn format_duration(duration: Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(&duration)
}

/// A size in bytes, such as `64 MiB` or `1048576`; `MB` means the same as `MiB`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let refused = || format!("{text:?} is not a size such as \"64 MiB\" or 67108864");
    let (number, unit) = split_unit(text).ok_or_else(refused)?;
    let factor = SIZES
        .iter()
        .find(|(name, _)| unit.eq_ignore_ascii_case(name))
        .map(|(_, factor)| factor)
        .ok_or_else(refused)?;
    let bytes = number * factor;
    // Above 2^53 a float skips integers, and no log is that long.
    if (0.0..=9e15).contains(&bytes) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        return Ok(bytes.round() as u64);
    }
    Err(refused())
}

/// A finite number and what follows it: `100ms` is 100.0 and `ms`.
pub(crate) fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_' | '-' | '+'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.replace('_', "").parse().ok()?;
    Some((number, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, nanos) in [
            ("60s", 60_000_000_000_u128),
            ("1h 30m", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("100ms", 100_000_000),
            ("1.5s", 1_500_000_000),
            (" 0.5 ms ", 500_000),
            ("24 hours", 86_400_000_000_000),
            ("250us", 250_000),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_duration(text).map(|it| it.as_nanos()),
                Ok(nanos),
                "{text}"
            );
        }
        for bad in [
            "",
            "60",
            "s",
            "-1s",
            "1s ago",
            "1 fortnight",
            "NaN",
            "1e3s",
            "∞",
            "99999999999999999999h",
        ] {
            let error = parse_duration(bad).unwrap_err();
            assert!(error.contains("is not a duration"), "{bad}: {error}");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for duration in [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_millis(1500),
            Duration::from_hours(24),
            Duration::MAX,
        ] {
            let text = format_duration(duration);
            assert_eq!(parse_duration(&text), Ok(duration), "{text}");
        }
        assert_eq!(format_duration(Duration::from_mins(90)), "1h 30m");
    }

    #[test]
    fn sizes_are_binary() {
        for (text, bytes) in [
            ("0", 0),
            ("64 MiB", 64 << 20),
            ("64MB", 64 << 20),
            ("1.5 gb", 3 << 29),
            ("4k", 4096),
            ("1_000", 1000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in [
            "",
            "MB",
            "-1",
            "1 parsec",
            "1e3",
            "inf",
            "9999999 TB",
            "1.2.3",
        ] {
            assert!(
                parse_size(bad).unwrap_err().contains("is not a size"),
                "{bad}"
            );
        }
    }
}
