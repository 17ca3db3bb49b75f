use tachograph_reducer::{InFlightStage, TimerStats};

use super::*;
use crate::targets::{Limit, Statistic, Target};

const PLAIN: StatusStyle = StatusStyle {
    terminal: false,
    color: false,
};

fn stats(p95: f64) -> TimerStats {
    TimerStats {
        count: 1000,
        avg: p95 * 0.8,
        min: p95 * 0.5,
        max: p95 * 1.2,
        p50: p95 * 0.75,
        p95,
        p99: p95 * 1.1,
        span_s: 33.3,
        age_s: 0.14,
    }
}

fn full() -> MetricsSnapshot {
    MetricsSnapshot {
        timestamp: 1_700_000_000.0,
        time: "2026-11-24T12:00:00.000Z".into(),
        frames_processed: 1800,
        motion_detected: 216,
        motion_hit_rate: Some(12.0),
        events_created: 3,
        events_suppressed: 5,
        frames_idle: 1584,
        frames_motion: 208,
        coreml_inference: stats(85.3),
        frame_processing_latency: stats(2100.0),
        cpu_usage_current: Some(12.0),
        cpu_usage_avg: Some(10.0),
        process_cpu_usage: Some(3.1),
        memory_usage_mb: Some(3300.0),
        memory_usage_percent: Some(41.0),
        process_memory_mb: Some(120.0),
        system_availability: Some(100.0),
        uptime_seconds: 60.0,
        metrics_collection_overhead_percent: Some(0.012),
        in_flight: vec![InFlightStage {
            stage: "llm_inference".into(),
            for_ms: 42_000.0,
        }],
        ..MetricsSnapshot::default()
    }
}

fn status(color: bool) -> Status {
    Status::new(Targets::default(), StatusStyle { color, ..PLAIN })
}

/// The one line of the table that contains `what`.
fn row(table: &str, what: &str) -> String {
    let mut found = table.lines().filter(|line| line.contains(what));
    let row = found
        .next()
        .unwrap_or_else(|| panic!("no {what} in\n{table}"));
    assert_eq!(found.next(), None, "{what} is there twice");
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the default targets measure, set so that each stands at `share` of its limit (of its budget, for availability).
fn at(share: f64) -> MetricsSnapshot {
    let timer = |limit: f64| TimerStats {
        avg: limit * share,
        ..stats(limit * share)
    };
    MetricsSnapshot {
        coreml_inference: timer(100.0),
        llm_inference: timer(3000.0),
        frame_processing_latency: timer(5000.0),
        process_cpu_usage: Some(50.0 * share),
        process_memory_mb: Some(2048.0 * share),
        system_availability: Some(100.0 - share),
        metrics_collection_overhead_percent: Some(share),
        ..full()
    }
}

#[test]
fn the_table_shows_everything_in_80_columns() {
    let table = status(false).table(&full());
    assert_eq!(
        row(&table, "coreml_inference"),
        "coreml_inference 1000 68.2 ms 42.6 ms 102 ms 64.0 ms 85.3 ms 93.8 ms ⚠"
    );
    assert!(table.contains("\n  33 s, 0.1 s ago "));
    assert_eq!(
        row(&table, " llm_inference   "),
        "in flight llm_inference for 42 s"
    );
    assert_eq!(row(&table, "processed "), "frames processed 1800");
    assert_eq!(row(&table, "hit rate"), "hit rate 12.0 %");
    assert_eq!(
        row(&table, "availability"),
        "service availability 100.00 % >99% ✓"
    );
    assert_eq!(row(&table, "120 MiB"), "memory 120 MiB <2GiB ✓");
    assert_eq!(row(&table, "overhead"), "measuring overhead 0.01 % <1% ✓");
    assert!(!table.contains("losses") && !table.contains("down for"));
    assert!(!table.ends_with('\n'));
    assert!(table.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn extreme_values_fit_into_80_columns_too() {
    let huge = TimerStats {
        count: u64::MAX,
        span_s: 8.6e6,
        age_s: f64::MAX,
        ..stats(9.99e8)
    };
    let mut snapshot = MetricsSnapshot {
        frames_processed: u64::MAX,
        coreml_inference: huge,
        llm_inference: stats(f64::MAX / 2.0),
        samples_rejected: u64::MAX,
        downtime_seconds: f64::MAX,
        memory_usage_mb: Some(f64::MAX),
        ..full()
    };
    let long = "x".repeat(64);
    snapshot.custom.timers.insert(long.as_str().into(), huge);
    let other = "y".repeat(64);
    snapshot
        .custom
        .counters
        .insert(other.as_str().into(), u64::MAX);
    for number in 0..20 {
        snapshot.in_flight.push(InFlightStage {
            stage: long.as_str().into(),
            for_ms: 1e9 * f64::from(number),
        });
    }
    let mut targets = Targets::default();
    targets.set(Target::parse(&other, "< 999999999999999").unwrap());
    for statistic in Statistic::ALL {
        targets.set(Target {
            metric: long.clone(),
            statistic: Some(statistic),
            limit: Limit::Below(f64::MAX),
        });
    }
    let table = Status::new(targets, PLAIN).table(&snapshot);
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line:?}");
    }
    assert!(row(&table, "and 13 more").starts_with("and 13 more"));
}

#[test]
fn nothing_measured_is_no_data_and_never_zero() {
    let empty = MetricsSnapshot::default();
    let table = status(false).table(&empty);
    for stage in [
        "coreml_inference",
        "llm_inference",
        "frame_processing_latency",
    ] {
        assert_eq!(row(&table, stage), format!("{stage} 0 no data —"));
    }
    assert_eq!(
        row(&table, "availability"),
        "service availability no data >99% —"
    );
    assert_eq!(row(&table, "hit rate"), "hit rate no data");
    assert!(!table.contains("0.0 ms") && !table.contains("0.00"));
    assert!(!table.contains(['✓', '⚠', '✗']));
    assert_eq!(
        status(false).line(&empty, None),
        "frames 0 motion no data events 0 | coreml no data — | llm no data — | latency no data — | cpu no data own no data — \
         | mem no data own no data — | up no data — | overhead no data —"
    );
}

#[test]
fn marks_follow_the_targets() {
    let status = status(false);
    for (share, mark) in [(0.5, '✓'), (0.9, '⚠'), (1.5, '✗')] {
        let snapshot = at(share);
        for text in [status.table(&snapshot), status.line(&snapshot, None)] {
            assert_eq!(text.matches(mark).count(), 7, "{text}");
            assert_eq!(text.matches(['✓', '⚠', '✗', '—']).count(), 7, "{text}");
        }
    }
}

#[test]
fn color_is_on_the_marks_alone() {
    let mut targets = Targets::default();
    targets.set(Target::parse("frames_failed", "> 1").unwrap());
    targets.set(Target::parse("frames_processed", "< 1900").unwrap());
    let render = |color| {
        let status = Status::new(targets.clone(), StatusStyle { color, ..PLAIN });
        [status.table(&full()), status.line(&full(), None)]
    };
    for (plain, colored) in render(false).iter().zip(render(true)) {
        assert!(!plain.contains('\x1b'));
        for painted in ["\x1b[32m✓\x1b[0m", "\x1b[33m⚠\x1b[0m", "\x1b[31m✗\x1b[0m"] {
            assert!(colored.contains(painted), "{colored}");
        }
        let bare = ["32", "33", "31", "0"].iter().fold(colored, |text, code| {
            text.replace(&format!("\x1b[{code}m"), "")
        });
        assert_eq!(bare, *plain);
    }
}

#[test]
fn color_needs_a_terminal_and_no_objection() {
    let detect = |terminal, no_color: Option<&str>| {
        StatusStyle::detect(terminal, no_color.map(OsStr::new)).color
    };
    assert!(detect(true, None) && detect(true, Some("")));
    assert!(!detect(true, Some("1")) && !detect(false, None));
    assert!(StatusStyle::detect(true, Some(OsStr::new("1"))).terminal);
    assert!(!StatusStyle::of_stdout().color || StatusStyle::of_stdout().terminal);
}

#[test]
fn the_line_has_it_all() {
    let mut snapshot = full();
    assert_eq!(
        status(false).line(&snapshot, None),
        "12:00:00Z frames 1800 motion 12.0 % events 3 (+5 suppressed) | coreml p95 85.3 ms ⚠ | llm no data — \
         | latency avg 1.68 s ✓ | cpu 12.0 % own 3.10 % ✓ | mem 41.0 % own 120 MiB ✓ | up 100.00 % ✓ \
         | overhead 0.01 % ✓ | in flight llm_inference 42 s"
    );
    let hanging = |stage: &str, for_ms| InFlightStage {
        stage: stage.into(),
        for_ms,
    };
    snapshot.in_flight.push(hanging("slow", 90_000.0));
    snapshot.in_flight.push(hanging("quick", 12.0));
    snapshot.frames_failed = 2;
    snapshot.log_errors = 4;
    snapshot.samples_rejected = 1;
    snapshot.coreml_inference.age_s = 75.0;
    let line = status(false).line(&snapshot, None);
    for part in [
        " (+5 suppressed) failed 2 |",
        "| coreml p95 85.3 ms ⚠ (1m 15s old) |",
        "| in flight slow 1m 30s (+1 more) |",
        "| rejected 1 log errors 4",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    snapshot.in_flight = vec![hanging("quick", 12.0)];
    assert!(!status(false).line(&snapshot, None).contains("in flight"));
}

#[test]
fn the_line_knows_the_rate_between_two_snapshots() {
    let previous = full();
    let mut snapshot = full();
    snapshot.frames_processed += 299;
    snapshot.uptime_seconds += 10.0;
    // Somebody set the clock.
    snapshot.timestamp -= 3600.0;
    let line = status(false).line(&snapshot, Some(&previous));
    assert!(line.contains("frames 2099 (29.9/s) motion"), "{line}");
    for (now, before) in [(&previous, &snapshot), (&previous, &previous)] {
        let line = status(false).line(now, Some(before));
        assert!(!line.contains("/s)"), "{line}");
    }
}

#[test]
fn custom_metrics_and_their_targets_are_shown() {
    let mut targets = Targets::none();
    for (metric, limit) in [
        ("my_stage.p99", "< 50ms"),
        ("my_stage.avg", "< 60ms"),
        ("rtsp_reconnects", "< 10"),
        ("never_counted", "< 10"),
        ("samples_recorded", "> 1"),
    ] {
        targets.set(Target::parse(metric, limit).unwrap());
    }
    let status = Status::new(targets, PLAIN);
    let mut snapshot = full();
    snapshot
        .custom
        .timers
        .insert("my_stage".into(), stats(50.0));
    snapshot.custom.counters.insert("rtsp_reconnects".into(), 9);
    snapshot.samples_overwritten = 7;
    snapshot.downtime_seconds = 90.0;
    let table = status.table(&snapshot);
    assert_eq!(
        row(&table, "my_stage"),
        "my_stage 1000 40.0 ms 25.0 ms 60.0 ms 37.5 ms 50.0 ms 55.0 ms ✗"
    );
    assert_eq!(row(&table, "<60ms"), "33 s, 0.1 s ago <60ms <50ms");
    assert_eq!(
        row(&table, "rtsp_reconnects"),
        "custom rtsp_reconnects 9 <10 ⚠"
    );
    assert_eq!(
        row(&table, "never_counted"),
        "targets never_counted no data <10 —"
    );
    assert_eq!(row(&table, "samples_recorded"), "samples_recorded 0 >1 ✗");
    assert_eq!(row(&table, "overwritten"), "losses samples overwritten 7");
    assert_eq!(row(&table, "down for"), "down for 1m 30s");
    let line = status.line(&snapshot, None);
    for part in [
        "| coreml p95 85.3 ms |",
        "| llm no data |",
        "| my_stage p99 55.0 ms ✗ avg 40.0 ms ✓ |",
        "| rtsp_reconnects 9 ⚠ |",
        "| never_counted no data — |",
        "| overwritten 7",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn nothing_in_a_snapshot_steers_the_terminal() {
    let mut snapshot = full();
    snapshot.version = "\x1b[2J".into();
    snapshot.time = "2026-11-24T\x1b[2J:00Z    ".into();
    snapshot.in_flight[0].stage = "\x1b]0;x\x07".into();
    snapshot.custom.counters.insert("\x1b[31m".into(), 1);
    snapshot.custom.timers.insert("a\nb\r".into(), stats(1.0));
    for text in [
        status(false).table(&snapshot),
        status(false).line(&snapshot, None),
    ] {
        assert!(!text.contains(['\x1b', '\r', '\x07']), "{text:?}");
    }
}
