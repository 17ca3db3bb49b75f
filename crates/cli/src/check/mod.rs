//! `tacho check`: does a log meet its targets, and how sure is that?

mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tachograph::{Config, Limit, Target, Targets};

use crate::args::duration;
use crate::error::Error;
use crate::lines::{DEFAULT_LOG, Distribution, Merged, Reading, Series, Span, read};
use crate::output::print;
use crate::stats::{Estimate, Verdict, overall};

const AFTER_HELP: &str = "\
A percentile comes from the merged histograms of all lines, with its 95 % interval by order statistics. It passes if the
whole interval is within the limit, and fails if all of it is beyond.

Exit codes: 0 all pass; 1 one fails; 3 none fails, but for one there is not enough evidence; 2 wrong usage or
configuration, or no log that can be read.

Examples:
  tacho check                                    the default targets, the whole of logs/metrics.json
  tacho check --last 1h --targets tacho.toml     the [targets] of a configuration, the newest hour
  tacho check --json | jq -r '.targets[] | select(.verdict != \"pass\") | .target'";

/// Check a log against its targets: pass, fail or not enough evidence
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArgs {
    /// The metrics log; rotated files beside it are read, too
    #[arg(value_name = "LOG", default_value = DEFAULT_LOG)]
    pub(crate) log: PathBuf,

    /// Configuration file (TOML) whose [targets] to check, over the defaults
    #[arg(long, value_name = "FILE")]
    pub(crate) targets: Option<PathBuf>,

    /// Only so much before the newest line, such as 1h or "7d" [default: all of the log]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) last: Option<Duration>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A target and what the log says about it.
struct Judgement {
    target: Target,
    /// `None`: no data.
    estimate: Option<Estimate>,
    /// Samples of a timer, or lines.
    n: u64,
    /// What the value is, in words.
    judged: String,
    verdict: Verdict,
}

/// All of them.
struct Findings<'a> {
    args: &'a CheckArgs,
    span: Span,
    judgements: Vec<Judgement>,
    verdict: Verdict,
}

/// Does the command.
pub(crate) fn check(args: &CheckArgs) -> Result<ExitCode, Error> {
    let targets = targets(args)?;
    let timers = targets.iter().filter(|target| target.statistic.is_some());
    let mut merged = Merged::of(timers.map(|target| target.metric.as_str()));
    let mut numbers: Vec<_> = targets
        .iter()
        .map(|target| target.statistic.is_none().then(|| Series::of(target)))
        .collect();
    let reading = Reading {
        path: &args.log,
        last: args.last,
    };
    let span = read(reading, |lines| {
        merged.add(lines);
        for series in numbers.iter_mut().flatten() {
            lines.iter().for_each(|line| series.add(line));
        }
    })?;
    merged.warn();
    let judgements: Vec<_> = targets
        .iter()
        .zip(&numbers)
        .map(|(target, number)| match number {
            Some(series) => judge_number(target, series),
            None => judge_timer(target, &merged),
        })
        .collect();
    let findings = Findings {
        args,
        span,
        verdict: overall(judgements.iter().map(|it| it.verdict)),
        judgements,
    };
    print(&if args.json {
        findings.json()
    } else {
        findings.text()
    })?;
    Ok(findings.verdict.exit_code())
}

fn targets(args: &CheckArgs) -> Result<Targets, Error> {
    // Just the file: what the environment sets is not about targets.
    let config = Config::load(args.targets.as_deref(), [])?;
    if config.targets.iter().next().is_none() {
        let file = args
            .targets
            .as_deref()
            .map(|file| file.display().to_string());
        let file = file.unwrap_or_default();
        return Err(Error::Usage(format!("{file} has no targets to check")));
    }
    Ok(config.targets)
}

fn judge_timer(target: &Target, merged: &Merged) -> Judgement {
    let distribution = merged.get(&target.metric);
    let n = distribution.map_or(0, Distribution::count);
    let estimate = distribution
        .zip(target.statistic)
        .and_then(|(distribution, statistic)| Estimate::of(distribution, statistic));
    let judged = match (distribution, n) {
        (None, _) => "not in the log".to_owned(),
        (_, 0) => "no samples".to_owned(),
        (_, 1) => "1 sample".to_owned(),
        _ => format!("{n} samples"),
    };
    judge(target, estimate, n, judged)
}

fn judge_number(target: &Target, series: &Series) -> Judgement {
    let estimate = series.value().map(Estimate::exact);
    judge(target, estimate, series.lines(), series.judged())
}

fn judge(target: &Target, estimate: Option<Estimate>, n: u64, judged: String) -> Judgement {
    // As everywhere, the limit itself is still allowed.
    let is_bad = |value: f64| match target.limit {
        Limit::Below(limit) => value > limit,
        Limit::Above(limit) => value < limit,
    };
    let verdict = estimate.map_or(Verdict::NotEnoughEvidence, |estimate| {
        Verdict::of(estimate.low, estimate.high, is_bad)
    });
    Judgement {
        target: target.clone(),
        estimate,
        n,
        judged,
        verdict,
    }
}
