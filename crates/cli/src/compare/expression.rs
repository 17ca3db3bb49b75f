//! What a comparison fails at: `coreml_inference.p95 > +10%`.

use tachograph::Target;

/// How an expression is written.
const EXAMPLES: &str = "write it as in 'coreml_inference.p95 > +10%', 'llm_inference.avg > +200ms' or \
                        'frames_processed < -5%'";

/// A change that is too much.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FailIf {
    /// As it was written.
    pub(crate) text: String,
    /// Whose metric and statistic it is about; its limit means nothing.
    pub(crate) target: Target,
    /// Whether a change above the bound is too much, or one below it.
    above: bool,
    /// How much is too much.
    pub(crate) bound: Bound,
}

/// How much a number may change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// Percent of what it was.
    Percent(f64),
    /// In its own unit; counters: per hour.
    Difference(f64),
}

impl FailIf {
    /// Reads an expression.
    ///
    /// # Errors
    /// One sentence with what is wrong, and examples.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |reason: &str| format!("{reason}; {EXAMPLES}");
        let at = text
            .find(['<', '>'])
            .ok_or_else(|| wrong("it has neither > nor <"))?;
        let (name, rest) = text.split_at(at);
        let above = rest.starts_with('>');
        let amount = rest.get(1..).unwrap_or_default();
        let amount = amount.strip_prefix('=').unwrap_or(amount).trim();
        let (sign, amount) = match (amount.strip_prefix('+'), amount.strip_prefix('-')) {
            (Some(amount), _) => (1.0, amount.trim()),
            (_, Some(amount)) => (-1.0, amount.trim()),
            _ => return Err(wrong("a change needs its sign")),
        };
        let target = target(name.trim())?;
        let bound = if let Some(percent) = amount.strip_suffix('%') {
            let percent = percent.trim().parse::<f64>().ok();
            let percent = percent.filter(|it| it.is_finite() && *it >= 0.0);
            Bound::Percent(sign * percent.ok_or_else(|| wrong("the percentage is not a number"))?)
        } else {
            let limit = Target::parse(name.trim(), &format!("< {amount}"));
            let limit = limit
                .map_err(|_| wrong(&format!("{amount:?} is no amount of {}", target.name())))?;
            Bound::Difference(sign * limit.limit.value())
        };
        Ok(Self {
            text: text.trim().to_owned(),
            target,
            above,
            bound,
        })
    }

    /// Whether a change is too much.
    pub(crate) fn is_beyond(&self, change: f64) -> bool {
        let (Bound::Percent(bound) | Bound::Difference(bound)) = self.bound;
        if self.above {
            change > bound
        } else {
            change < bound
        }
    }
}

/// The metric of a name, whatever its unit is.
fn target(name: &str) -> Result<Target, String> {
    if name.is_empty() {
        return Err(format!("it names no metric; {EXAMPLES}"));
    }
    Target::parse(name, "< 1ms")
        .or_else(|_| Target::parse(name, "< 1"))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tachograph::Statistic;

    #[test]
    fn expressions_are_as_people_write_them() {
        for (text, metric, statistic, above, bound) in [
            (
                "coreml_inference.p95 > +10%",
                "coreml_inference",
                Some(Statistic::P95),
                true,
                Bound::Percent(10.0),
            ),
            (
                "llm_inference.avg>+1.5s",
                "llm_inference",
                Some(Statistic::Avg),
                true,
                Bound::Difference(1500.0),
            ),
            (
                "llm_inference_p99 >= +5ms",
                "llm_inference",
                Some(Statistic::P99),
                true,
                Bound::Difference(5.0),
            ),
            (
                "frames_processed < -10 %",
                "frames_processed",
                None,
                false,
                Bound::Percent(-10.0),
            ),
            (
                "process_memory_mb > +1GB",
                "process_memory_mb",
                None,
                true,
                Bound::Difference(1024.0),
            ),
            (
                "process_cpu_usage > +5",
                "process_cpu_usage",
                None,
                true,
                Bound::Difference(5.0),
            ),
            (
                "decode.p50 > -0%",
                "decode",
                Some(Statistic::P50),
                true,
                Bound::Percent(-0.0),
            ),
            (
                "rtsp_reconnects > +2",
                "rtsp_reconnects",
                None,
                true,
                Bound::Difference(2.0),
            ),
        ] {
            let found = FailIf::parse(text).expect(text);
            assert_eq!(
                (found.target.metric.as_str(), found.target.statistic),
                (metric, statistic)
            );
            assert_eq!((found.above, found.bound), (above, bound), "{text}");
        }
    }

    #[test]
    fn a_wrong_one_is_told_with_an_example() {
        for (text, expected) in [
            ("", "neither > nor <"),
            ("coreml_inference.p95 + 10%", "neither > nor <"),
            ("coreml_inference.p95 > 10%", "needs its sign"),
            ("coreml_inference.p95 > +ten%", "not a number"),
            ("coreml_inference.p95 > +inf%", "not a number"),
            ("coreml_inference.p95 > +10GB", "\"10GB\" is no amount"),
            ("coreml_inference.p95 > +", "\"\" is no amount"),
            ("> +10%", "names no metric"),
            ("coreml_inference > +10%", "needs a statistic"),
            ("coreml_inference.p42 > +10%", "unknown statistic"),
            ("process_memory_mb.p95 > +10%", "not a timer"),
        ] {
            let sentence = FailIf::parse(text).expect_err(text);
            assert!(sentence.contains(expected), "{text}: {sentence}");
            assert!(sentence.contains("p95"), "no example: {sentence}");
        }
    }

    #[test]
    fn beyond_is_on_the_side_that_was_named() {
        let above = FailIf::parse("decode.p95 > +10%").expect("sound");
        assert!(above.is_beyond(11.0) && !above.is_beyond(10.0) && !above.is_beyond(-50.0));
        let below = FailIf::parse("decode.p95 < -10%").expect("sound");
        assert!(below.is_beyond(-11.0) && !below.is_beyond(-10.0) && !below.is_beyond(50.0));
    }
}
