//! Numbers as people read them: three digits and a unit that suits. The status display uses these, and so may yours.

use crate::targets::{Limit, Unit};

/// Shown where nothing was measured.
pub const NO_DATA: &str = "no data";

/// Three significant digits. At most five characters.
fn three_digits(value: f64) -> String {
    match value.abs() {
        // The bounds are where rounding would add a digit.
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        size if size < 99_999.5 => format!("{value:.0}"),
        _ => format!("{value:.0e}"),
    }
}

/// A time in milliseconds: 0.85 is `850 µs`, 1250 is `1.25 s`. At most 7 characters.
pub fn millis(value: f64) -> String {
    if value < 0.0 {
        return "<0 ms".to_owned(); // Only a damaged log says so, and it must not take more columns.
    }
    let value = value + 0.0; // A negative zero has a sign, too.
    let (number, unit) = match value.abs() {
        size if size > 0.0 && size < 0.9995 => (value * 1e3, "µs"),
        size if size < 999.5 => (value, "ms"),
        size if size < 3_600_000.0 => (value / 1e3, "s"),
        _ => (value / 3_600_000.0, "h"),
    };
    format!("{} {unit}", three_digits(number))
}

/// Mebibytes: `120 MiB`, `1.50 GiB`.
pub fn mebibytes(value: f64) -> String {
    let (number, unit) = match value.abs() {
        size if size < 1023.5 => (value, "MiB"),
        size if size < 1_048_064.0 => (value / 1024.0, "GiB"),
        _ => (value / 1_048_576.0, "TiB"),
    };
    format!("{} {unit}", three_digits(number))
}

/// Percent: `12.0 %`, `0.01 %`.
pub fn percent(value: f64) -> String {
    format!("{} %", three_digits(value))
}

/// An availability, cut off rather than rounded: 100.00 % means that nothing is missing.
pub fn availability(value: f64) -> String {
    if value.abs() >= 1000.0 {
        return percent(value); // A log may claim it, and it must not have hundreds of digits.
    }
    format!("{:.2} %", (value * 100.0).floor() / 100.0)
}

/// A span of time in seconds: `0.2 s`, `42 s`, `1m 05s`, `2h 03m`, `4d 05h`, `365d`. At most 7 characters.
pub fn span(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds.round() as u64; // Saturates, also below 0 and for NaN.
    match whole {
        _ if seconds < 9.95 => format!("{:.1} s", seconds.max(0.0)),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {:02}m", whole / 3600, whole / 60 % 60),
        86_400..8_640_000 => format!("{}d {:02}h", whole / 86_400, whole / 3600 % 24),
        8_640_000..8_640_000_000 => format!("{}d", whole / 86_400),
        _ => ">99999d".to_owned(),
    }
}

/// A count in at most five characters: `1000`, `99999`, `250k`, `1.50M`.
pub fn short_count(count: u64) -> String {
    match count {
        0..100_000 => count.to_string(),
        100_000..1_000_000 => format!("{}k", count / 1000),
        _ => {
            // The bound is where rounding would make it a thousand.
            let mut units = [(1e6, 'M'), (1e9, 'G'), (1e12, 'T'), (1e15, 'P')].into_iter();
            let fits = |&(unit, _): &(f64, char)| (count as f64) < 999.5 * unit;
            let (unit, name) = units.find(fits).unwrap_or((1e18, 'E'));
            format!("{}{name}", three_digits(count as f64 / unit))
        }
    }
}

/// A value in its unit.
pub fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Millis => millis(value),
        Unit::Seconds => span(value),
        Unit::Percent => percent(value),
        Unit::Mebibytes => mebibytes(value),
        Unit::Gibibytes => mebibytes(value * 1024.0),
        Unit::Count if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        Unit::Count => three_digits(value),
    }
}

/// A limit in its unit, as short as it can be: `<100ms`, `<2GiB`, `>99.95%`.
pub fn limit(limit: Limit, unit: Unit) -> String {
    let side = match limit {
        Limit::Below(_) => '<',
        Limit::Above(_) => '>',
    };
    let limit = limit.value();
    if unit == Unit::Percent && limit < 1e4 {
        // Here the digits after the 99 are what counts.
        return format!("{side}{}%", (limit * 1e4).round() / 1e4);
    }
    let text = value(limit, unit);
    let (number, rest) = text.split_once(' ').unwrap_or((&text, ""));
    if number.ends_with(['m', 'h', 'd']) {
        return format!("{side}{text}"); // Two units: `1m 30s`.
    }
    let number = match number.split_once('.') {
        Some((whole, digits)) => {
            let digits = digits.trim_end_matches('0');
            let point = if digits.is_empty() { "" } else { "." };
            format!("{whole}{point}{digits}")
        }
        None => number.to_owned(),
    };
    format!("{side}{number}{rest}")
}

/// A name from a log, which somebody else may have written: nothing in it may steer the terminal.
pub fn clean(name: &str) -> String {
    let printable = |c: char| if c.is_control() { '?' } else { c };
    name.chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_three_digits() {
        for (value, expected) in [
            (0.0, "0.00 ms"),
            (0.000_85, "0.85 µs"),
            (0.0085, "8.50 µs"),
            (0.85, "850 µs"),
            (9.994, "9.99 ms"),
            (9.996, "10.0 ms"),
            (85.34, "85.3 ms"),
            (99.96, "100 ms"),
            (999.4, "999 ms"),
            (999.6, "1.00 s"),
            (1250.0, "1.25 s"),
            (3_599_000.0, "3599 s"),
            (5_400_000.0, "1.50 h"),
            (3.2e11, "88889 h"),
            (4e11, "1e5 h"),
            (1e300, "3e293 h"),
        ] {
            assert_eq!(millis(value), expected);
        }
    }

    #[test]
    fn units_suit_the_value() {
        assert_eq!(mebibytes(120.0), "120 MiB");
        assert_eq!(mebibytes(1023.4), "1023 MiB");
        assert_eq!(mebibytes(1536.0), "1.50 GiB");
        assert_eq!(mebibytes(2_097_152.0), "2.00 TiB");
        assert_eq!(percent(0.014), "0.01 %");
        assert_eq!(percent(100.0), "100 %");
        assert_eq!(availability(99.999), "99.99 %");
        assert_eq!(availability(100.0), "100.00 %");
        for (seconds, expected) in [
            (-1.0, "0.0 s"),
            (0.14, "0.1 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (65.0, "1m 05s"),
            (7380.0, "2h 03m"),
            (363_600.0, "4d 05h"),
            (3.2e7, "370d"),
            (1e300, ">99999d"),
            (f64::NAN, "0 s"),
        ] {
            assert_eq!(span(seconds), expected);
        }
        assert_eq!(short_count(99_999), "99999");
        assert_eq!(short_count(250_999), "250k");
        assert_eq!(short_count(1_500_000), "1.50M");
    }

    #[test]
    fn limits_carry_no_idle_zeros() {
        assert_eq!(limit(Limit::Below(100.0), Unit::Millis), "<100ms");
        assert_eq!(limit(Limit::Below(3000.0), Unit::Millis), "<3s");
        assert_eq!(limit(Limit::Below(2048.0), Unit::Mebibytes), "<2GiB");
        assert_eq!(limit(Limit::Below(0.5), Unit::Gibibytes), "<512MiB");
        assert_eq!(limit(Limit::Above(99.0), Unit::Percent), ">99%");
        assert_eq!(limit(Limit::Above(99.95), Unit::Percent), ">99.95%");
        assert_eq!(limit(Limit::Below(10.0), Unit::Count), "<10");
        assert_eq!(limit(Limit::Below(0.5), Unit::Count), "<0.5");
        assert_eq!(limit(Limit::Below(90.0), Unit::Seconds), "<1m 30s");
        assert_eq!(limit(Limit::Below(2e9), Unit::Millis), "<556h");
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[31m\nb"), "a?[31m?b");
    }
}
