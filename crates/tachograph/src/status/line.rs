//! The compact line.

use std::fmt::Write;

use tachograph_reducer::{MetricsSnapshot, TimerStats};

use crate::format::{NO_DATA, availability, clean, mebibytes, millis, percent, span, value};
use crate::targets::number::timer;
use crate::targets::{Evaluation, Statistic, Targets, Verdict};

use super::{STAGES, STALE_AFTER_S};

/// Numbers that have their place in the line; other targets follow after them.
const PLACED: [&str; 4] = [
    "process_cpu_usage",
    "process_memory_mb",
    "system_availability",
    "metrics_collection_overhead_percent",
];
/// What is in flight for less than this, milliseconds, is the ordinary course of things.
const LONG_IN_FLIGHT_MS: f64 = 1000.0;

pub(super) fn render(
    targets: &Targets,
    snapshot: &MetricsSnapshot,
    previous: Option<&MetricsSnapshot>,
) -> String {
    let evaluations = targets.evaluate(snapshot);
    let mut parts = vec![frames(snapshot, previous)];
    timers(&mut parts, snapshot, &evaluations);
    parts.extend(machine(snapshot, &evaluations));
    for it in &evaluations {
        let metric = it.target.metric.as_str();
        if it.target.statistic.is_none() && !PLACED.contains(&metric) {
            let shown = shown(it.value, |number| value(number, it.target.unit()));
            parts.push(format!("{} {shown} {}", clean(metric), it.verdict));
        }
    }
    parts.extend(in_flight(snapshot));
    parts.extend(losses(snapshot));
    parts.join(" | ")
}

fn frames(snapshot: &MetricsSnapshot, previous: Option<&MetricsSnapshot>) -> String {
    let mut text = String::new();
    if let Some(time) = snapshot.time.get(11..19) {
        text = clean(time) + "Z ";
    }
    let _ = write!(text, "frames {}", snapshot.frames_processed);
    if let Some(rate) = previous.and_then(|previous| rate(snapshot, previous)) {
        let _ = write!(text, " ({rate:.1}/s)");
    }
    let motion = shown(snapshot.motion_hit_rate, percent);
    let events = snapshot.events_created;
    let _ = write!(text, " motion {motion} events {events}");
    if snapshot.events_suppressed > 0 {
        let _ = write!(text, " (+{} suppressed)", snapshot.events_suppressed);
    }
    if snapshot.frames_failed > 0 {
        let _ = write!(text, " failed {}", snapshot.frames_failed);
    }
    text
}

/// Frames per second between two snapshots; none after a reset or a restart. By a clock that nobody sets and that stands still
/// while the machine is suspended.
fn rate(snapshot: &MetricsSnapshot, previous: &MetricsSnapshot) -> Option<f64> {
    let seconds = snapshot.uptime_seconds - previous.uptime_seconds;
    let frames = snapshot
        .frames_processed
        .checked_sub(previous.frames_processed)?;
    (seconds > 0.0).then(|| frames as f64 / seconds)
}

/// Every stage that is built in, and every timer that has a target.
fn timers(parts: &mut Vec<String>, snapshot: &MetricsSnapshot, evaluations: &[Evaluation<'_>]) {
    let mut names = STAGES.to_vec();
    for it in evaluations {
        let metric = it.target.metric.as_str();
        if it.target.statistic.is_some() && !names.contains(&metric) {
            names.push(metric);
        }
    }
    for name in names {
        let judged: Vec<_> = evaluations
            .iter()
            .filter(|it| it.target.metric == name)
            .filter_map(|it| Some((it.target.statistic?, Some(it.verdict))))
            .collect();
        let shown = if judged.is_empty() {
            vec![(Statistic::P95, None)]
        } else {
            judged
        };
        parts.push(timer_part(short(name), timer(snapshot, name), &shown));
    }
}

fn timer_part(
    name: &str,
    stats: Option<&TimerStats>,
    shown: &[(Statistic, Option<Verdict>)],
) -> String {
    let mut text = clean(name);
    let Some(stats) = stats else {
        let mark = shown.iter().find_map(|(_, verdict)| *verdict);
        return format!("{text} {NO_DATA}{}", suffix(mark));
    };
    for (statistic, verdict) in shown {
        let value = millis(statistic.of(stats));
        let _ = write!(text, " {statistic} {value}{}", suffix(*verdict));
    }
    if stats.age_s > STALE_AFTER_S {
        let _ = write!(text, " ({} old)", span(stats.age_s));
    }
    text
}

fn short(name: &str) -> &str {
    match name {
        "coreml_inference" => "coreml",
        "llm_inference" => "llm",
        "frame_processing_latency" => "latency",
        other => other,
    }
}

fn machine(snapshot: &MetricsSnapshot, evaluations: &[Evaluation<'_>]) -> [String; 4] {
    let mark = |metric: &str| {
        let found = evaluations
            .iter()
            .find(|it| it.target.metric == metric && it.target.statistic.is_none());
        suffix(found.map(|it| it.verdict))
    };
    let [own_cpu, own_memory, up, overhead] = PLACED.map(mark);
    [
        format!(
            "cpu {} own {}{own_cpu}",
            shown(snapshot.cpu_usage_current, percent),
            shown(snapshot.process_cpu_usage, percent)
        ),
        format!(
            "mem {} own {}{own_memory}",
            shown(snapshot.memory_usage_percent, percent),
            shown(snapshot.process_memory_mb, mebibytes)
        ),
        format!(
            "up {}{up}",
            shown(snapshot.system_availability, availability)
        ),
        format!(
            "overhead {}{overhead}",
            shown(snapshot.metrics_collection_overhead_percent, percent)
        ),
    ]
}

/// The longest of what hangs.
fn in_flight(snapshot: &MetricsSnapshot) -> Option<String> {
    let hangs = || {
        let stages = snapshot.in_flight.iter();
        stages.filter(|stage| stage.for_ms >= LONG_IN_FLIGHT_MS)
    };
    let longest = hangs().max_by(|a, b| a.for_ms.total_cmp(&b.for_ms))?;
    let seconds = span(longest.for_ms / 1e3);
    let mut text = format!("in flight {} {seconds}", clean(&longest.stage));
    let others = hangs().count() - 1;
    if others > 0 {
        let _ = write!(text, " (+{others} more)");
    }
    Some(text)
}

fn losses(snapshot: &MetricsSnapshot) -> Option<String> {
    let lost: Vec<_> = [
        ("overwritten", snapshot.samples_overwritten),
        ("rejected", snapshot.samples_rejected),
        ("log errors", snapshot.log_errors),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(what, count)| format!("{what} {count}"))
    .collect();
    (!lost.is_empty()).then(|| lost.join(" "))
}

fn shown(value: Option<f64>, text: impl FnOnce(f64) -> String) -> String {
    value
        .filter(|value| value.is_finite())
        .map_or_else(|| NO_DATA.to_owned(), text)
}

fn suffix(verdict: Option<Verdict>) -> String {
    verdict.map_or(String::new(), |verdict| format!(" {verdict}"))
}
