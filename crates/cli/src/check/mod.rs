//! `tacho check`: does a log meet its targets, and how sure is that?

mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tachograph::{Config, Limit, Target, Targets};

use crate::error::Error;
use crate::lines::{
    DEFAULT_LOG, Distribution, Line, Merged, Reading, Series, Span, parse_last, read,
};
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

    /// Only so much before the newest line, such as 1h or 7d [default: all of the log]
    #[arg(long, value_name = "TIME", value_parser = parse_last)]
    pub(crate) last: Option<Duration>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A target and what the log says about it.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) target: Target,
    /// `None`: no data.
    estimate: Option<Estimate>,
    /// Samples of a timer, or lines.
    n: u64,
    /// What the value is, in words.
    pub(crate) judged: String,
    pub(crate) verdict: Verdict,
}

/// The targets, and what the lines so far say of those that are not timers.
pub(crate) struct Judging {
    targets: Targets,
    numbers: Vec<Option<Series>>,
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
    let mut judging = Judging::by(args.targets.as_deref())?;
    if judging.targets.iter().next().is_none() {
        let file = args.targets.as_deref();
        let file = file.map(|file| file.display().to_string());
        let file = file.unwrap_or_default();
        return Err(Error::Usage(format!("{file} has no targets to check")));
    }
    let mut merged = Merged::of(judging.timers());
    let reading = Reading {
        path: &args.log,
        last: args.last,
    };
    let span = read(reading, |lines| {
        merged.add(lines);
        lines.iter().for_each(|line| judging.add(line));
    })?;
    merged.warn();
    let judgements = judging.finish(|timer| merged.get(timer));
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

impl Judging {
    /// By the targets of a configuration file, over the default ones.
    pub(crate) fn by(file: Option<&Path>) -> Result<Self, Error> {
        // Just the file: what the environment sets is not about targets.
        let targets = Config::load(file, [])?.targets;
        let number = |target: &Target| target.statistic.is_none().then(|| Series::of(target));
        let numbers = targets.iter().map(number).collect();
        Ok(Self { targets, numbers })
    }

    /// The timers that have targets.
    fn timers(&self) -> impl Iterator<Item = &str> {
        let timers = self.targets.iter();
        let timers = timers.filter(|target| target.statistic.is_some());
        timers.map(|target| target.metric.as_str())
    }

    pub(crate) fn add(&mut self, line: &Line) {
        let numbers = self.numbers.iter_mut().flatten();
        numbers.for_each(|series| series.add(line));
    }

    /// All judgements, with what each timer recorded.
    pub(crate) fn finish<'a>(
        self,
        timer: impl Fn(&str) -> Option<&'a Distribution>,
    ) -> Vec<Judgement> {
        let targets = self.targets.iter().zip(&self.numbers);
        let judge = |(target, number): (&Target, &Option<Series>)| match number {
            Some(series) => judge_number(target, series),
            None => judge_timer(target, timer(&target.metric)),
        };
        targets.map(judge).collect()
    }
}

fn judge_timer(target: &Target, distribution: Option<&Distribution>) -> Judgement {
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
