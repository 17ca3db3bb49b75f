//! From the log's lines to what the page says.

use std::path::Path;

use jiff::Timestamp;
use tachograph::format::clean;

use super::data::{Charts, Figures, LimitLine};
use super::extent::bucket_width;
use super::slowest::Slowest;
use super::timeline::{Slot, Timeline};
use super::timers::Timers;
use super::{Report, ReportArgs};
use crate::check::{Judgement, Judging};
use crate::error::Error;
use crate::lines::{self, Line, Reading};

/// Reads the log.
pub(super) fn gather(args: &ReportArgs) -> Result<Report, Error> {
    let reading = Reading {
        path: &args.log,
        last: args.last,
    };
    let width = bucket_width(reading);
    let mut timeline = Timeline::new(width);
    let mut judging = Judging::by(args.targets.as_deref())?;
    let mut timers = Timers::default();
    let mut slowest = Slowest::default();
    let span = lines::read(reading, |chunk| {
        let mut placed: Vec<(Slot, &Line)> = Vec::with_capacity(chunk.len());
        for line in chunk {
            if let Some(slot) = timeline.add(line) {
                placed.push((slot, line));
            }
            slowest.add(line);
            judging.add(line);
        }
        timers.add(&placed);
    })?;
    let (mut charts, mut figures) = timeline.finish();
    if figures.lines == 0 {
        let log = args.log.clone();
        return Err(Error::NothingLogged { log });
    }
    charts.origin = (charts.start / width).floor() * width;
    timers.close();
    let targets = judging.finish(|timer| timers.get(timer));
    let (timers, summaries, skipped) = timers.finish(width, charts.origin);
    (charts.timers, figures.timers) = (timers, summaries);
    figures.losses.skipped_histograms = skipped;
    figures.timers_without_charts = figures.timers.len() - charts.timers.len();
    figures.losses.skipped_lines = span.skipped;
    slowest.finish(&mut charts);
    add_limits(&mut charts, &figures, &targets);
    Ok(Report {
        log: named(&args.log),
        made: Timestamp::now().as_duration().as_secs_f64(),
        charts,
        figures,
        targets,
    })
}

/// Puts the targets of timers into their charts.
fn add_limits(charts: &mut Charts, figures: &Figures, targets: &[Judgement]) {
    for (chart, summary) in charts.timers.iter_mut().zip(&figures.timers) {
        let own = targets.iter().filter(|it| it.target.metric == summary.name);
        chart.limits.extend(own.filter_map(|it| {
            let statistic = it.target.statistic?;
            Some(LimitLine {
                text: format!("{} {}", statistic.name(), it.limit()),
                ms: it.target.limit.value(),
            })
        }));
    }
}

fn named(log: &Path) -> String {
    clean(&log.display().to_string())
}
