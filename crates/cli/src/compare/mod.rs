//! `tacho compare`: what changed between two logs, and is it more than chance?

mod expression;
mod report;
mod side;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tachograph::{MetricsSnapshot, Statistic};

use crate::error::Error;
use crate::output::print;
use crate::stats::{Estimate, Verdict, difference, overall, relative};
use expression::{Bound, FailIf};
use side::Side;

const AFTER_HELP: &str = "\
A change is more than chance if its 95 % interval excludes 0. An expression fails if the whole interval is beyond its bound,
and holds if none of it is. % is of the value in A; a time, a size or a plain number is the difference. Counters are
compared per hour.

Exit codes: 0 all expressions hold, or there are none; 1 one fails; 3 none fails, but for one there is not enough evidence;
2 wrong usage, or a log that cannot be read.

Examples:
  tacho compare before.json after.json
  tacho compare before.json after.json --fail-if 'coreml_inference.p95 > +10%' --fail-if 'process_memory_mb > +20%'
  tacho compare A.json B.json --last 1d --fail-if 'llm_inference.avg > +200ms' --fail-if 'frames_processed < -5%'";

/// Compare two logs: what changed, and whether it is more than chance
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CompareArgs {
    /// The log before
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,

    /// The log after
    #[arg(value_name = "B")]
    pub(crate) after: PathBuf,

    /// Fail if B changed so much against A; may be given several times
    #[arg(long, value_name = "EXPR", value_parser = FailIf::parse)]
    pub(crate) fail_if: Vec<FailIf>,

    /// Only so much before the newest line of each log, such as 1h or "7d" [default: all]
    #[arg(long, value_name = "TIME", value_parser = crate::lines::parse_last)]
    pub(crate) last: Option<Duration>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Both logs and what follows from them.
struct Comparison<'a> {
    args: &'a CompareArgs,
    before: Side,
    after: Side,
    judgements: Vec<Judgement<'a>>,
    verdict: Verdict,
}

/// An expression, and the change that it is about.
struct Judgement<'a> {
    expression: &'a FailIf,
    /// `None`: one of the logs has no data.
    change: Option<Estimate>,
    verdict: Verdict,
}

/// Does the command.
pub(crate) fn compare(args: &CompareArgs) -> Result<ExitCode, Error> {
    let before = Side::read(&args.before, args)?;
    let after = Side::read(&args.after, args)?;
    if before.has_lines() && after.has_lines() {
        for expression in &args.fail_if {
            known(expression, [&before, &after])?;
        }
    }
    let judgements: Vec<_> = args
        .fail_if
        .iter()
        .map(|expression| judge(expression, &before, &after))
        .collect();
    let comparison = Comparison {
        args,
        verdict: overall(judgements.iter().map(|it| it.verdict)),
        before,
        after,
        judgements,
    };
    print(&if args.json {
        comparison.json()
    } else {
        comparison.text()
    })?;
    Ok(comparison.verdict.exit_code())
}

fn judge<'a>(expression: &'a FailIf, before: &Side, after: &Side) -> Judgement<'a> {
    let target = &expression.target;
    let both = before.estimate(target).zip(after.estimate(target));
    let change = both.and_then(|(a, b)| match expression.bound {
        Bound::Percent(_) => relative(a, b),
        Bound::Difference(_) => Some(difference(a, b)),
    });
    let verdict = change.map_or(Verdict::NotEnoughEvidence, |change| {
        Verdict::of(change.low, change.high, |it| expression.is_beyond(it))
    });
    Judgement {
        expression,
        change,
        verdict,
    }
}

/// Refuses an expression about something that neither log has and that is nothing built in.
fn known(expression: &FailIf, sides: [&Side; 2]) -> Result<(), Error> {
    let target = &expression.target;
    let metric = &target.metric;
    let is_known = |side: &Side| match target.statistic {
        Some(_) => side.merged.get(metric).is_some(),
        None => side.number(metric).is_some_and(|it| it.lines() > 0),
    };
    let is_built_in = || match target.statistic {
        Some(_) => tachograph::BUILT_IN_TIMERS.contains(&metric.as_str()),
        None => serde_json::to_value(MetricsSnapshot::default())
            .is_ok_and(|snapshot| snapshot.get(metric).is_some()),
    };
    if sides.into_iter().any(is_known) || is_built_in() {
        return Ok(());
    }
    let kind = target.statistic.map_or("number", |_| "timer");
    let mut known: Vec<_> = match target.statistic {
        Some(_) => sides
            .into_iter()
            .flat_map(|it| it.merged.timers())
            .map(|it| it.0)
            .collect(),
        None => sides.into_iter().flat_map(Side::number_names).collect(),
    };
    known.sort_unstable();
    known.dedup();
    let known: Vec<_> = known.into_iter().map(tachograph::format::clean).collect();
    Err(Error::Usage(format!(
        "--fail-if {:?}: neither log has a {kind} {metric:?}; they have {}",
        expression.text,
        known.join(", ")
    )))
}

/// The statistics that are shown side by side.
const SHOWN: [Statistic; 5] = [
    Statistic::Avg,
    Statistic::P50,
    Statistic::P95,
    Statistic::P99,
    Statistic::Max,
];
