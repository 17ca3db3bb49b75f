//! The comparison as tables, and as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use comfy_table::Cell;
use serde_json::{Map, Value, json};
use tachograph::format::{clean, millis};
use tachograph::{Statistic, Unit};

use super::expression::Bound;
use super::side::Side;
use super::{Comparison, Judgement, SHOWN};
use crate::lines::{Distribution, Series};
use crate::output::{NOTHING, right, shown, table, tally};
use crate::stats::{CONFIDENCE, Estimate, Verdict, relative};

/// The change in percent that nothing can fall below: no bound.
const ALL_GONE: f64 = -100.0;

/// A change of a timer's statistic, if both logs have samples.
struct Row {
    statistic: Statistic,
    before: Option<Estimate>,
    after: Option<Estimate>,
    change: Option<Estimate>,
}

/// A number of both logs.
struct NumberRow<'a> {
    name: &'a str,
    unit: Unit,
    is_per_hour: bool,
    before: Option<f64>,
    after: Option<f64>,
    /// Percent.
    change: Option<f64>,
}

impl Comparison<'_> {
    /// The tables and a sentence that sums up.
    pub(super) fn text(&self) -> String {
        let side = |name, path: &Path, side: &Side| {
            format!(
                "{name}  {}, {}\n",
                clean(&path.display().to_string()),
                side.span.words()
            )
        };
        let before = side("A", &self.args.before, &self.before);
        let after = side("B", &self.args.after, &self.after);
        let end = if self.judgements.is_empty() {
            "▲ longer, ▼ shorter: more than chance, by a 95 % interval. Of twenty rows in which nothing changed, one says so."
                .to_owned()
        } else {
            format!("{}\n\n{}", self.expressions(), self.sentence())
        };
        format!(
            "{before}{after}\n{}\n\n{}\n\n{end}\n",
            self.timers(),
            self.numbers()
        )
    }

    fn timers(&self) -> String {
        let mut table = table([
            Cell::new("timer"),
            Cell::new(""),
            right("A"),
            right("B"),
            right("change"),
            right("95 % interval"),
            Cell::new(""),
        ]);
        for (name, before, after) in self.shared_timers() {
            let count = |it: Option<&Distribution>| it.map_or(0, Distribution::count).to_string();
            let mut first = vec![Cell::new(clean(name)), Cell::new("n")];
            first.extend([right(count(before)), right(count(after))]);
            table.add_row(first);
            for row in rows(before, after) {
                table.add_row(row.cells());
            }
        }
        table.trim_fmt()
    }

    /// All timers that have samples in at least one of the logs.
    fn shared_timers(&self) -> Vec<(&str, Option<&Distribution>, Option<&Distribution>)> {
        let get = |name| {
            (
                name,
                self.before.merged.get(name),
                self.after.merged.get(name),
            )
        };
        let before = self.before.merged.timers().map(|(name, _)| name);
        let only_after = self.after.merged.timers().map(|(name, _)| name);
        let only_after = only_after.filter(|name| self.before.merged.get(name).is_none());
        let count = |it: Option<&Distribution>| it.map_or(0, Distribution::count);
        before
            .chain(only_after)
            .map(get)
            .filter(|(_, before, after)| count(*before) > 0 || count(*after) > 0)
            .collect()
    }

    fn numbers(&self) -> String {
        let header = [Cell::new("number"), right("A"), right("B"), right("change")];
        let mut table = table(header);
        for row in self.number_rows() {
            table.add_row(row.cells());
        }
        table.trim_fmt()
    }

    fn number_rows(&self) -> Vec<NumberRow<'_>> {
        let only_after = self.after.number_names();
        let only_after = only_after.filter(|name| self.before.number(name).is_none());
        let names = self.before.number_names().chain(only_after);
        let row = |name| NumberRow::of(name, self.before.number(name), self.after.number(name));
        names.map(row).collect()
    }

    fn expressions(&self) -> String {
        let mut table = table([
            Cell::new("fail if"),
            right("change"),
            right("95 % interval"),
            Cell::new("verdict"),
        ]);
        for judgement in &self.judgements {
            table.add_row(judgement.row());
        }
        table.trim_fmt()
    }

    fn sentence(&self) -> String {
        let all = self.judgements.len();
        tally(
            all,
            "expressions hold",
            self.judgements.iter().map(|it| it.verdict),
        ) + "."
    }

    /// One object, as documented in `docs/check-and-compare.md`.
    pub(super) fn json(&self) -> String {
        let timers = self.shared_timers().into_iter();
        let timers = timers.map(|(name, before, after)| (name, timer_json(before, after)));
        let numbers = self.number_rows().into_iter();
        let numbers = numbers.map(|row| (row.name, row.json()));
        let side = |path: &Path, side: &Side| json!({"log": path.display().to_string(), "span": side.span.json()});
        let object = json!({
            "a": side(&self.args.before, &self.before),
            "b": side(&self.args.after, &self.after),
            "confidence": CONFIDENCE,
            "timers": timers.collect::<BTreeMap<_, _>>(),
            "numbers": numbers.collect::<BTreeMap<_, _>>(),
            "fail_if": self.judgements.iter().map(Judgement::json).collect::<Vec<_>>(),
            "verdict": self.verdict,
        });
        format!("{object:#}\n")
    }
}

/// All statistics of a timer that are shown.
fn rows<'a>(
    before: Option<&'a Distribution>,
    after: Option<&'a Distribution>,
) -> impl Iterator<Item = Row> + 'a {
    SHOWN.into_iter().map(move |statistic| {
        let [before, after] =
            [before, after].map(|it| it.and_then(|it| Estimate::of(it, statistic)));
        Row {
            statistic,
            before,
            after,
            change: before.zip(after).and_then(|(a, b)| relative(a, b)),
        }
    })
}

impl Row {
    fn cells(&self) -> Vec<Cell> {
        let value =
            |it: Option<Estimate>| right(it.map_or(NOTHING.to_owned(), |it| millis(it.value)));
        let interval = self.change.filter(|it| !it.is_exact());
        vec![
            Cell::new(""),
            Cell::new(self.statistic.name()),
            value(self.before),
            value(self.after),
            right(
                self.change
                    .map_or(NOTHING.to_owned(), |it| percent(it.value)),
            ),
            right(interval.map_or(NOTHING.to_owned(), |it| range(it, true, percent))),
            Cell::new(interval.map_or("", chance)),
        ]
    }

    fn json(&self) -> Value {
        let interval = self.change.filter(|it| !it.is_exact());
        json!({
            "a": self.before.map(|it| it.value),
            "b": self.after.map(|it| it.value),
            "change_percent": self.change.map(|it| it.value),
            "low": interval.map(|it| it.low),
            "high": interval.map(|it| it.high),
            "more_than_chance": interval.map(|it| it.excludes_zero()),
        })
    }
}

/// A timer's part of the JSON object.
fn timer_json(before: Option<&Distribution>, after: Option<&Distribution>) -> Map<String, Value> {
    let count = |it: Option<&Distribution>| it.map_or(0, Distribution::count);
    let statistics = rows(before, after).map(|row| (row.statistic.name().to_owned(), row.json()));
    let mut timer: Map<_, _> = statistics.collect();
    let n = json!({"a": count(before), "b": count(after)});
    timer.insert("n".to_owned(), n);
    timer
}

impl<'a> NumberRow<'a> {
    fn of(name: &'a str, before: Option<&Series>, after: Option<&Series>) -> Self {
        let any = before.or(after);
        let [before, after] = [before, after].map(|it| it.and_then(Series::per_hour));
        let both = before.zip(after);
        let change = both.and_then(|(a, b)| relative(Estimate::exact(a), Estimate::exact(b)));
        Self {
            name,
            unit: any.map_or(Unit::Count, Series::unit),
            is_per_hour: any.is_some_and(Series::is_gain),
            before,
            after,
            change: change.map(|it| it.value),
        }
    }

    fn cells(&self) -> Vec<Cell> {
        let show = |value: Option<f64>| {
            right(value.map_or(NOTHING.to_owned(), |value| {
                if self.is_per_hour {
                    // A rate has digits behind the point where the counter itself has none.
                    format!("{} /h", rate(value))
                } else {
                    shown(self.name, value, self.unit)
                }
            }))
        };
        vec![
            Cell::new(clean(self.name)),
            show(self.before),
            show(self.after),
            right(self.change.map_or(NOTHING.to_owned(), percent)),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "a": self.before,
            "b": self.after,
            "per_hour": self.is_per_hour,
            "change_percent": self.change,
        })
    }
}

impl Judgement<'_> {
    fn is_in_percent(&self) -> bool {
        matches!(self.expression.bound, Bound::Percent(_))
    }

    fn row(&self) -> Vec<Cell> {
        let amount = |change: f64| match self.expression.bound {
            Bound::Percent(_) => percent(change),
            Bound::Difference(_) => {
                let unit = self.expression.target.unit();
                let sign = if change < 0.0 { '-' } else { '+' };
                format!("{sign}{}", shown("", change.abs(), unit))
            }
        };
        let interval = self.change.filter(|it| !it.is_exact());
        let verdict = match self.verdict {
            Verdict::Pass => "holds",
            other => other.words(),
        };
        vec![
            Cell::new(clean(&self.expression.text)),
            right(
                self.change
                    .map_or("no data".to_owned(), |it| amount(it.value)),
            ),
            right(interval.map_or(NOTHING.to_owned(), |it| {
                range(it, self.is_in_percent(), amount)
            })),
            Cell::new(format!("{} {verdict}", self.verdict.mark())),
        ]
    }

    fn json(&self) -> Value {
        let interval = self.change.filter(|it| !it.is_exact());
        json!({
            "expression": self.expression.text,
            "change": self.change.map(|it| it.value),
            "in_percent": self.is_in_percent(),
            "low": interval.map(|it| it.low),
            "high": interval.map(|it| it.high),
            "verdict": self.verdict,
        })
    }
}

/// What the interval of a change in percent says.
fn chance(change: Estimate) -> &'static str {
    if change.low > 0.0 {
        "▲ longer"
    } else if change.high < 0.0 {
        "▼ shorter"
    } else if is_bounded(change) {
        "within chance"
    } else {
        "? too few samples"
    }
}

fn is_bounded(percent: Estimate) -> bool {
    percent.low > ALL_GONE && percent.high.is_finite()
}

/// An interval, or the side of it that is bounded.
fn range(change: Estimate, in_percent: bool, show: impl Fn(f64) -> String) -> String {
    let is_low_bound = change.low.is_finite() && !(in_percent && change.low <= ALL_GONE);
    match (is_low_bound, change.high.is_finite()) {
        (true, true) => format!("{} … {}", show(change.low), show(change.high)),
        (true, false) => format!("≥ {}", show(change.low)),
        (false, true) => format!("≤ {}", show(change.high)),
        (false, false) => NOTHING.to_owned(),
    }
}

/// A change in percent, with its sign.
fn percent(change: f64) -> String {
    match change {
        _ if change == f64::INFINITY => "∞".to_owned(),
        _ if change == f64::NEG_INFINITY => "-∞".to_owned(),
        _ if change.abs() >= 99_999.5 => format!("{change:+.0e} %"),
        _ if change.abs() >= 999.5 => format!("{change:+.0} %"),
        _ => format!("{change:+.1} %"),
    }
}

fn rate(value: f64) -> String {
    match value {
        _ if value >= 1e7 => format!("{value:.3e}"),
        _ if value >= 99.95 => format!("{value:.0}"),
        _ if value >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
