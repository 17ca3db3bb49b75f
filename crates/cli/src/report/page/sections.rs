//! The parts of the page, each readable without its charts.

use maud::{Markup, html};
use tachograph::format;

use super::super::Report;
use super::super::data::{Figures, Interruption, Kind, Losses, OUTCOMES, SlowFrame, TimerSummary};
use super::words::{self, count, known, moment};
use crate::check::Judgement;
use crate::output::tally;
use crate::stats::{Verdict, overall};

/// Interruptions that are listed one by one; the longest ones.
const LISTED: usize = 30;

pub(super) fn header(report: &Report) -> Markup {
    let figures = &report.figures;
    html! {
        header {
            p.eyebrow { "tachograph report" }
            h1 { (report.log) }
            p.lead {
                (moment(report.charts.start)) " to " (moment(report.charts.end)) ": "
                (format::span(report.charts.end - report.charts.start)) " in "
                (many(figures.lines, "line", "lines")) " of " (many(figures.runs, "run", "runs")) ". "
                "Times are in " span.zone { "UTC" } "."
            }
            (verdict(&report.targets))
            p #problem .notice role="alert" hidden {}
            noscript { p.notice { "The charts need JavaScript. All figures and tables are here without it." } }
        }
    }
}

fn many(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

fn verdict(targets: &[Judgement]) -> Markup {
    let verdicts = || targets.iter().map(|it| it.verdict);
    let worst = overall(verdicts());
    html! {
        p.verdict {
            @if targets.is_empty() { "No targets" } @else {
                span.mark.(class(worst)) { (worst.mark()) } " " (tally(targets.len(), "targets are met", verdicts()))
            }
        }
    }
}

/// The style of a verdict.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::NotEnoughEvidence => "open",
    }
}

pub(super) fn figures(figures: &Figures) -> Markup {
    let failed = figures.outcomes.last().copied().unwrap_or_default();
    let rate = figures.frames as f64 / figures.covered_s;
    let rate = if rate.is_finite() {
        format!("{rate:.2} per second")
    } else {
        String::new()
    };
    let hit_rate = 100.0 * figures.motion as f64 / figures.frames as f64;
    let hit_rate = hit_rate
        .is_finite()
        .then(|| format!("hit rate {}", format::percent(hit_rate)));
    let tile = |name: &str, value: &str, more: &str| {
        html! {
            div { dt { (name) } dd { (value) small { (more) } } }
        }
    };
    let [_, _, suppressed, events, _] = figures.outcomes;
    html! {
        dl.figures {
            (tile("frames", &count(figures.frames), &rate))
            (tile("with motion", &count(figures.motion), &hit_rate.unwrap_or_default()))
            (tile("events", &count(events), &format!("{} suppressed", count(suppressed))))
            (tile("failed frames", &count(failed), ""))
            (tile("availability", &known(figures.availability(), format::availability), &format!("down {}", format::span(figures.down_s))))
            (tile("process CPU", &known(figures.process_cpu_mean, format::percent), "mean"))
            (tile("process memory", &known(figures.process_memory_peak, format::mebibytes), "peak"))
            (tile("overhead", &known(figures.overhead_mean, format::percent), "of one core, mean"))
        }
    }
}

pub(super) fn targets(targets: &[Judgement]) -> Markup {
    if targets.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Targets" }
            div.scroll { table {
                thead { tr {
                    th { "target" } th { "verdict" } th.n { "value" } th.n { "limit" } th.n { "95 % interval" } th { "of" }
                } }
                tbody { @for it in targets { tr {
                    th.name scope="row" { (words::breakable(&it.name())) }
                    td.mark.(class(it.verdict)) { (it.verdict.mark()) " " (it.verdict.words()) }
                    td.n { (it.value()) } td.n { (it.limit()) } td.n { (it.interval()) } td.soft.nowrap { (it.judged) }
                } } }
            } }
        }
    }
}

pub(super) fn frames(report: &Report) -> Markup {
    let (figures, charts) = (&report.figures, &report.charts);
    let total: f64 = figures.outcomes.iter().map(|it| *it as f64).sum();
    let words = OUTCOMES
        .iter()
        .zip(figures.outcomes)
        .map(|((name, _), frames)| format!("{} {name}", count(frames)));
    let label = format!(
        "Frames by outcome over time: {}",
        words.collect::<Vec<_>>().join(", ")
    );
    let is_frame = |name: &str| OUTCOMES.iter().any(|(_, timer)| *timer == name);
    html! {
        section {
            h2 { "Frames" }
            figure {
                h3 { "Frames per minute by outcome" }
                (chart("outcomes", None, "tall", &label))
            }
            div.scroll { table {
                thead { tr { th { "outcome" } th.n { "frames" } th.n { "share" } (statistics_head()) } }
                tbody { @for ((name, timer), frames) in OUTCOMES.iter().zip(figures.outcomes) {
                    tr {
                        th scope="row" { (name) } td.n { (count(frames)) }
                        td.n { @if total > 0.0 { (format::percent(100.0 * frames as f64 / total)) } }
                        (statistics(figures.timers.iter().find(|it| it.name == *timer)))
                    }
                } }
            } }
            p.lead { "Whole frames, from start to end. " (key_sentence()) }
            (key())
            @for (index, timer) in figures.timers.iter().enumerate().filter(|(_, it)| is_frame(&it.name)) {
                (pair(timer, charts.timers.get(index), index))
            }
        }
    }
}

fn key_sentence() -> &'static str {
    "Percentiles are of all samples of their time, merged from the log's histograms; none is an average of percentiles."
}

fn key() -> Markup {
    html! {
        ul.key aria-hidden="true" {
            li { i.p50 {} "p50" } li { i.p95 {} "p95, dashed" } li { i.max {} "longest" }
            li { i.limit {} "limit of a target" } li { i.gap {} "not running" }
        }
    }
}

fn statistics_head() -> Markup {
    html! { th.n { "mean" } th.n { "p50" } th.n { "p95" } th.n { "p99" } th.n { "p99.9" } th.n { "longest" } }
}

fn statistics(timer: Option<&TimerSummary>) -> Markup {
    html! { @match timer {
        Some(it) => { @for ms in [it.avg, it.p50, it.p95, it.p99, it.p999, it.max] { td.n { (format::millis(ms)) } } }
        None => td.n.soft colspan="6" { (format::NO_DATA) }
    } }
}

fn pair(
    timer: &TimerSummary,
    charts: Option<&super::super::data::TimerCharts>,
    index: usize,
) -> Markup {
    let Some(charts) = charts else {
        return html! {};
    };
    let p = format::millis;
    let distribution = format!(
        "Distribution of {}: p50 {}, p95 {}, p99 {}, p99.9 {}, longest {}, of {} samples",
        timer.name,
        p(timer.p50),
        p(timer.p95),
        p(timer.p99),
        p(timer.p999),
        p(timer.max),
        count(timer.count)
    );
    html! {
        div.pair {
            h3 { span.name { (timer.name) } span { (count(timer.count)) " samples, p95 " (p(timer.p95)) ", each point " (words::bucket(charts.bucket_s)) } }
            figure {
                (chart("bands", Some(index), "", &words::timer_over_time(&timer.name, charts)))
                figcaption { "over time" }
            }
            figure {
                (chart("distribution", Some(index), "", &distribution))
                figcaption { "at or below this share of all samples" }
            }
        }
    }
}

fn chart(kind: &str, index: Option<usize>, class: &str, label: &str) -> Markup {
    let id = index.map_or_else(|| kind.to_owned(), |index| format!("{kind}-{index}"));
    html! {
        div.{ "chart " (class) } id={ "chart-" (id) } role="img" aria-label=(label) data-kind=(kind) data-index=[index] {}
    }
}

pub(super) fn stages(report: &Report) -> Markup {
    let (figures, charts) = (&report.figures, &report.charts);
    let is_frame = |name: &str| OUTCOMES.iter().any(|(_, timer)| *timer == name);
    let stages = || {
        figures
            .timers
            .iter()
            .enumerate()
            .filter(|(_, it)| !is_frame(&it.name))
    };
    html! {
        section {
            h2 { "Stages" }
            @if stages().next().is_none() { p.lead { "No stage was timed." } } @else {
                div.scroll { table {
                    thead { tr { th { "stage" } th.n { "samples" } (statistics_head()) } }
                    tbody { @for (_, timer) in stages() {
                        tr { th.name scope="row" { (words::breakable(&timer.name)) } td.n { (count(timer.count)) } (statistics(Some(timer))) }
                    } }
                } }
                @if figures.timers_without_charts > 0 {
                    p.lead { "The last " (figures.timers_without_charts) " have no charts." }
                }
                (key())
                @for (index, timer) in stages() { (pair(timer, charts.timers.get(index), index)) }
            }
        }
    }
}

pub(super) fn machine(report: &Report) -> Markup {
    let machine = &report.charts.machine;
    let cpu = [
        words::range("the machine's", &machine.cpu, format::percent),
        words::range("the process's", &machine.process_cpu, format::percent),
    ];
    let memory = [
        words::range("the machine's", &machine.memory, format::mebibytes),
        words::range("the process's", &machine.process_memory, format::mebibytes),
    ];
    html! {
        section {
            h2 { "Machine" }
            div.two {
                figure {
                    h3 { "CPU, percent of all cores" }
                    (chart("cpu", None, "", &format!("CPU over time: {}", cpu.join(", "))))
                }
                figure {
                    h3 { "Memory" }
                    (chart("memory", None, "", &format!("Memory over time: {}", memory.join(", "))))
                }
            }
        }
    }
}

pub(super) fn availability(report: &Report) -> Markup {
    let all = &report.charts.interruptions;
    let of = |kind| all.iter().filter(|it| it.kind == kind).count() as u64;
    let kinds = [
        (Kind::Outage, "outage", "outages"),
        (Kind::Stall, "stall", "stalls"),
        (
            Kind::Suspended,
            "sleep of the machine",
            "sleeps of the machine",
        ),
        (Kind::Restart, "quick restart", "quick restarts"),
    ];
    let kinds = kinds.into_iter().filter(|(kind, _, _)| of(*kind) > 0);
    let kinds = kinds.map(|(kind, one, more)| many(of(kind), one, more));
    let up = known(report.figures.availability(), format::availability);
    let words: Vec<String> = [format!("{up} of the time up")]
        .into_iter()
        .chain(kinds)
        .collect();
    let words = words.join(", ");
    let mut listed: Vec<&Interruption> = all.iter().collect();
    listed.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    listed.truncate(LISTED);
    listed.sort_by(|a, b| a.from.total_cmp(&b.from));
    html! {
        section {
            h2 { "Availability" }
            figure {
                h3 { (words) }
                (chart("availability", None, "low", &format!("Availability over time: {words}")))
            }
            @if !listed.is_empty() {
                div.scroll { table {
                    thead { tr { th { "what" } th { "from" } th { "to" } th.n { "time lost" } th { "note" } } }
                    tbody { @for it in &listed { (interruption(it)) } }
                } }
                @if all.len() > listed.len() {
                    p.lead { "The longest " (listed.len()) " of " (all.len()) "." }
                }
            }
        }
    }
}

fn interruption(it: &Interruption) -> Markup {
    let note = match (it.kind, &it.stage) {
        (Kind::Outage, _) => "the service did not run".to_owned(),
        (Kind::Stall, Some(stage)) => format!("no frame finished; {stage} was running"),
        (Kind::Stall, None) => "no frame finished in a part of this time".to_owned(),
        (Kind::Suspended, _) => "the machine slept; counts neither way".to_owned(),
        (Kind::Restart, _) => "began anew".to_owned(),
    };
    let has_end = it.to > it.from;
    html! { tr {
        th scope="row" { (it.kind.text()) } td { (moment(it.from)) } td { @if has_end { (moment(it.to)) } }
        td.n { @if it.kind != Kind::Restart { (format::span(it.seconds)) } } td.soft { (note) }
    } }
}

pub(super) fn slowest(report: &Report) -> Markup {
    let frames = &report.charts.slowest;
    let label = frames.first().map(|first| {
        format!(
            "The {} slowest frames with their stages: the slowest took {}",
            frames.len(),
            format::millis(first.ms)
        )
    });
    html! {
        section {
            h2 { "Slowest frames" }
            @match label {
                None => p.lead { "The log has no frames with their stages." }
                Some(label) => {
                    figure {
                        div.chart #chart-slowest role="img" aria-label=(label) data-kind="slowest"
                            style={ "height:" (80 + 19 * frames.len()) "px" } {}
                    }
                    div.scroll { table {
                        thead { tr {
                            th.n { "no." } th { "began" } th.n { "frame" } th { "outcome" } th.n { "event" } th.n { "took" } th { "stages with 1 % of it or more" }
                        } }
                        tbody { @for frame in frames { (slow_frame(frame, report)) } }
                    } }
                }
            }
        }
    }
}

fn slow_frame(frame: &SlowFrame, report: &Report) -> Markup {
    let stages = report.charts.slowest_stages.iter().zip(&frame.stages);
    let mut stages: Vec<_> = stages.filter(|(_, ms)| **ms >= frame.ms / 100.0).collect();
    stages.sort_by(|a, b| b.1.total_cmp(a.1));
    let stages = stages
        .iter()
        .map(|(stage, ms)| format!("{} {}", stage.text, format::millis(**ms)));
    html! { tr {
        td.n { (frame.rank) } td { (moment(frame.start)) } td.n { (count(frame.number)) } td { (frame.outcome) }
        td.n { @if let Some(id) = frame.event_id { (id) } } td.n { (format::millis(frame.ms)) }
        td.soft { (stages.collect::<Vec<_>>().join(", ")) }
    } }
}

pub(super) fn losses(losses: &Losses) -> Markup {
    let all = [
        (
            losses.overwritten,
            "samples were overwritten before the histograms had them",
        ),
        (
            losses.rejected,
            "values were refused: not a number, negative, or of an unknown metric",
        ),
        (
            losses.untraced,
            "frames had no trace kept; they are in all counts, but could not be among the slowest",
        ),
        (losses.log_errors, "attempts to write the log failed"),
        (
            losses.skipped_lines,
            "lines could not be read and are not in this report",
        ),
        (
            losses.lines_without_time,
            "lines have no possible time and are not in this report",
        ),
        (
            losses.skipped_histograms,
            "histograms could not be read; their samples are missing",
        ),
        (losses.clock_set_back, "times the wall clock was set back"),
    ];
    let (some, none): (Vec<_>, Vec<_>) = all.into_iter().partition(|(number, _)| *number > 0);
    html! {
        section {
            h2 { "Losses and errors" }
            @if none.len() == all.len() { p.lead { "None: every sample, frame and line is in this report." } }
            @else {
                div.scroll { table { tbody { @for (number, what) in some {
                    tr { td.n { (count(number)) } td { (what) } }
                } } } }
            }
        }
    }
}

pub(super) fn footer(report: &Report) -> Markup {
    html! {
        footer {
            p {
                "Made by tachograph " (env!("CARGO_PKG_VERSION")) " on " (moment(report.made)) " from "
                span.name { (report.log) } ". Charts show at most about 600 points of time, here "
                (words::bucket(report.charts.bucket_s)) " each. Durations have three digits."
            }
            p { "Charts by Apache ECharts, licensed under the Apache License 2.0. This page loads nothing from anywhere." }
        }
    }
}
