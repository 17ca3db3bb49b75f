//! The findings as a table, and as JSON.

use comfy_table::Cell;
use serde_json::{Value, json};
use tachograph::format::{clean, limit};
use tachograph::{Limit, Unit};

use super::{Findings, Judgement};
use crate::output::{NOTHING, right, shown, table, tally};
use crate::stats::CONFIDENCE;

impl Findings<'_> {
    /// The table and a sentence that sums up.
    pub(super) fn text(&self) -> String {
        let mut table = table([
            Cell::new("target"),
            right("limit"),
            right("value"),
            right("95 % interval"),
            Cell::new("of"),
            Cell::new("verdict"),
        ]);
        for judgement in &self.judgements {
            table.add_row(judgement.row());
        }
        format!("{}\n\n{}\n", table.trim_fmt(), self.sentence())
    }

    fn sentence(&self) -> String {
        let verdicts = self.judgements.iter().map(|it| it.verdict);
        format!(
            "{}: {}, {}.",
            tally(self.judgements.len(), "targets are met", verdicts),
            clean(&self.args.log.display().to_string()),
            self.span.words()
        )
    }

    /// One object, as documented in `docs/check-and-compare.md`.
    pub(super) fn json(&self) -> String {
        let targets: Vec<Value> = self.judgements.iter().map(Judgement::json).collect();
        let object = json!({
            "log": self.args.log.display().to_string(),
            "verdict": self.verdict,
            "span": self.span.json(),
            "confidence": CONFIDENCE,
            "targets": targets,
        });
        format!("{object:#}\n")
    }
}

impl Judgement {
    fn row(&self) -> Vec<Cell> {
        vec![
            Cell::new(self.name()),
            right(self.limit()),
            right(self.value()),
            right(self.interval()),
            Cell::new(&self.judged),
            Cell::new(format!("{} {}", self.verdict.mark(), self.verdict.words())),
        ]
    }

    /// The target's metric, with its statistic.
    pub(crate) fn name(&self) -> String {
        clean(&self.target.name())
    }

    /// The limit, as in `<100ms`.
    pub(crate) fn limit(&self) -> String {
        limit(self.target.limit, self.target.unit())
    }

    /// The value in its unit.
    pub(crate) fn value(&self) -> String {
        let value = self.estimate.map(|it| self.shown(it.value));
        value.unwrap_or_else(|| NOTHING.to_owned())
    }

    /// Its interval, where there is any uncertainty.
    pub(crate) fn interval(&self) -> String {
        let interval = self.estimate.filter(|it| !it.is_exact());
        interval.map_or(NOTHING.to_owned(), |it| {
            format!("{} … {}", self.shown(it.low), self.shown(it.high))
        })
    }

    fn shown(&self, number: f64) -> String {
        shown(&self.target.metric, number, self.target.unit())
    }

    fn json(&self) -> Value {
        let unit = match self.target.unit() {
            Unit::Millis => "ms",
            Unit::Seconds => "s",
            Unit::Percent => "percent",
            Unit::Mebibytes => "MiB",
            Unit::Gibibytes => "GiB",
            Unit::Count => "count",
        };
        let side = match self.target.limit {
            Limit::Below(_) => "at_most",
            Limit::Above(_) => "at_least",
        };
        let interval = self.estimate.filter(|it| !it.is_exact());
        // An end that nothing bounds is null: JSON has no infinity.
        let end = |end: f64| {
            if end.is_finite() {
                json!(end)
            } else {
                Value::Null
            }
        };
        json!({
            "target": self.target.name(),
            "side": side,
            "limit": self.target.limit.value(),
            "unit": unit,
            "value": self.estimate.map(|it| it.value),
            "low": interval.map(|it| it.low),
            "high": interval.map_or(Value::Null, |it| end(it.high)),
            "n": self.n,
            "judged": self.judged,
            "verdict": self.verdict,
        })
    }
}
