use serde_json::{Value, json};
use tachograph_hotpath::SchemaBuilder;
use tachograph_reducer::TimerStats;

use super::*;

fn targets(text: &str) -> Result<Targets, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

fn names(targets: &Targets) -> Vec<String> {
    targets.iter().map(Target::to_string).collect()
}

fn stats(value: f64) -> TimerStats {
    TimerStats {
        count: 10,
        avg: value,
        min: value,
        max: value,
        p50: value,
        p95: value,
        p99: value,
        span_s: 1.0,
        age_s: 0.5,
    }
}

#[test]
fn the_defaults_are_those_of_the_design() {
    assert_eq!(
        names(&Targets::default()),
        [
            "coreml_inference.p95 < 100ms",
            "llm_inference.p95 < 3000ms",
            "frame_processing_latency.avg < 5000ms",
            "process_cpu_usage < 50%",
            "process_memory_mb < 2048MB",
            "system_availability > 99%",
            "metrics_collection_overhead_percent < 1%",
        ]
    );
    let written = "\
        coreml_inference.p95 = \"< 100ms\"\nllm_inference.p95 = \"< 3s\"\n\
        frame_processing_latency.avg = \"<5s\"\nprocess_cpu_usage = \"< 50%\"\n\
        process_memory_mb = \"< 2GB\"\nsystem_availability = \"> 99%\"\n\
        metrics_collection_overhead_percent = \"< 1%\"\n";
    assert_eq!(targets(written), Ok(Targets::default()));
}

#[test]
fn given_targets_go_over_the_defaults() {
    let targets = targets(
        "coreml_inference = { p95 = \"<= 50 ms\", p99 = \"< 80ms\" }\n\
         \"llm_inference.p95\" = \"off\"\n\
         frame_processing_latency = \"off\"\n\
         process_cpu_usage = \" off \"\n\
         rtsp_reconnects = \"< 10\"\n\
         my_stage.max = \"< 1m 30s\"\n\
         my_stage.min = \"> 0.5ms\"\n\
         llm_inference_age_s = \"< 5min\"\n",
    )
    .unwrap();
    let mut found = names(&targets);
    found.sort();
    assert_eq!(
        found,
        [
            "coreml_inference.p95 < 50ms",
            "coreml_inference.p99 < 80ms",
            "llm_inference_age_s < 300s",
            "metrics_collection_overhead_percent < 1%",
            "my_stage.max < 90000ms",
            "my_stage.min > 0.5ms",
            "process_memory_mb < 2048MB",
            "rtsp_reconnects < 10",
            "system_availability > 99%",
        ]
    );
}

#[test]
fn what_is_written_reads_back() {
    let mut targets = Targets::default();
    targets.remove("llm_inference", None);
    targets.remove("my_stage", None);
    targets.set(Target::parse("my_stage.p99", "< 0.1ms").unwrap());
    targets.set(Target::parse("coreml_inference_p95", "< 70 ms").unwrap());
    targets.remove("process_memory_mb", None);
    for targets in [Targets::default(), Targets::none(), targets] {
        let written = toml::to_string(&targets).unwrap();
        let mut read: Targets = toml::from_str(&written).unwrap();
        read.off.sort();
        let mut targets = targets;
        targets.off.sort();
        assert_eq!(read, targets, "{written}");
        let json = serde_json::to_string(&targets).unwrap();
        assert_eq!(
            serde_json::from_str::<Targets>(&json).unwrap().list,
            targets.list
        );
    }
}

#[test]
fn limits_are_read_in_the_units_of_the_metric() {
    for (metric, text, expected) in [
        ("coreml_inference.p95", "< 100ms", Limit::Below(100.0)),
        ("coreml_inference.p95", "<1.5s", Limit::Below(1500.0)),
        ("coreml_inference.p95", "<250us", Limit::Below(0.25)),
        ("coreml_inference.p95", "< 3 seconds", Limit::Below(3000.0)),
        ("anything.avg", ">= 1h", Limit::Above(3_600_000.0)),
        ("process_cpu_usage", "< 50", Limit::Below(50.0)),
        ("process_memory_mb", "< 1.5 GiB", Limit::Below(1536.0)),
        ("process_memory_mb", "< 512", Limit::Below(512.0)),
        ("memory_usage_gb", "< 512MB", Limit::Below(0.5)),
        ("uptime_seconds", "> 1h 30m", Limit::Above(5400.0)),
        ("downtime_seconds", "< 60", Limit::Below(60.0)),
        ("samples_rejected", "< 0", Limit::Below(0.0)),
        ("rtsp_reconnects", "< 1_000", Limit::Below(1000.0)),
    ] {
        let target = Target::parse(metric, text).unwrap();
        assert_eq!(target.limit, expected, "{metric} {text}");
        let again = Target::parse(metric, &text::format_limit(target.limit, target.unit()));
        assert_eq!(again, Ok(target));
    }
}

#[test]
fn bad_targets_are_refused_in_one_sentence() {
    for (metric, limit, expected) in [
        (
            "coreml_inference.p95",
            "100ms",
            "target coreml_inference.p95 = \"100ms\" is not a limit such as \"< 100ms\" or \"off\"",
        ),
        (
            "coreml_inference.p95",
            "< 100",
            "is not a limit such as \"< 100ms\"",
        ),
        (
            "coreml_inference.p95",
            "< 100MB",
            "is not a limit such as \"< 100ms\"",
        ),
        ("coreml_inference.p95", "< -1ms", "is not a limit"),
        ("coreml_inference.p95", "< nanms", "is not a limit"),
        (
            "process_cpu_usage",
            "< 50ms",
            "is not a limit such as \"< 50%\"",
        ),
        (
            "process_memory_mb",
            "< 50%",
            "is not a limit such as \"< 2GB\"",
        ),
        (
            "rtsp_reconnects",
            "< 10%",
            "is not a limit such as \"< 10\"",
        ),
        ("rtsp_reconnects", "", "is not a limit"),
        (
            "coreml_inference.p96",
            "< 1s",
            "target coreml_inference.p96: unknown statistic \"p96\"; known are avg, min, max, p50, p95, p99",
        ),
        ("coreml_inference.", "< 1s", "unknown statistic \"\""),
        (
            "coreml_inference",
            "< 1s",
            "target coreml_inference needs a statistic, as in coreml_inference.p95; known are avg,",
        ),
        (
            "process_cpu_usage.p95",
            "< 50%",
            "process_cpu_usage is a number, not a timer, so it has no p95",
        ),
    ] {
        let error = Target::parse(metric, limit).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\n'));
    }
    assert_eq!(
        targets("a.p95.deep = \"< 1s\"").unwrap_err(),
        "target a.p95: nothing can stand below a statistic"
    );
}

#[test]
fn names_must_be_measured() {
    let mut builder = SchemaBuilder::new();
    builder.counter("rtsp_reconnects").unwrap();
    builder.timer("my_stage").unwrap();
    let schema = builder.build();
    let check = |text: &str| {
        let checked = targets(text).unwrap().check_names(&schema);
        checked.map_err(|error| error.to_string())
    };
    for good in [
        "",
        "rtsp_reconnects = \"< 10\"\nmy_stage.p99 = \"< 1s\"\nframes_failed = \"< 1\"",
        "my_stage.p99 = \"off\"\nmy_stage.p95 = \"off\"",
        "my_stage = \"off\"",
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    let error = check("rtsp_reconects = \"< 10\"").unwrap_err();
    let expected = "target rtsp_reconects: unknown metric \"rtsp_reconects\"; known are coreml_inference, llm_inference, \
                    frame_processing_latency, frame_idle, frame_motion, frame_suppressed, frame_event, frame_failed, \
                    my_stage, rtsp_reconnects, frames_processed, ";
    assert!(error.starts_with(expected), "{error}");
    assert!(check("my_stge.p95 = \"off\"").is_err());
    assert_eq!(
        check("my_stage = \"< 10\"").unwrap_err(),
        "target my_stage needs a statistic, as in my_stage.p95; known are avg, min, max, p50, p95, p99"
    );
    assert_eq!(
        check("rtsp_reconnects.p95 = \"< 10ms\"").unwrap_err(),
        "target rtsp_reconnects.p95: rtsp_reconnects is a number, not a timer, so it has no p95"
    );
}

/// A snapshot in which each number is different.
fn full_snapshot() -> MetricsSnapshot {
    let mut json = serde_json::to_value(MetricsSnapshot {
        coreml_inference: stats(1.0),
        llm_inference: stats(1.0),
        frame_processing_latency: stats(1.0),
        frame_idle: stats(1.0),
        frame_motion: stats(1.0),
        frame_suppressed: stats(1.0),
        frame_event: stats(1.0),
        frame_failed: stats(1.0),
        ..MetricsSnapshot::default()
    })
    .unwrap();
    for (next, (name, value)) in (1..).zip(json.as_object_mut().unwrap()) {
        if name == "schema_version" {
            continue;
        }
        match value {
            Value::Number(number) if number.is_f64() => *value = json!(f64::from(next) + 0.5),
            Value::Number(_) | Value::Null => *value = json!(next),
            _ => {}
        }
    }
    serde_json::from_value(json).unwrap()
}

#[test]
fn every_number_of_the_snapshot_can_be_a_target() {
    let snapshot = full_snapshot();
    let json = serde_json::to_value(&snapshot).unwrap();
    // These only grow; a limit on them says nothing.
    let left_out = [
        "timestamp",
        "schema_version",
        "sequence",
        "system_start_time",
    ];
    let mut seen = 0;
    for (name, value) in json.as_object().unwrap() {
        let Some(value) = value.as_f64() else {
            continue;
        };
        if left_out.contains(&name.as_str()) {
            continue;
        }
        let (metric, statistic) = text::parse_name(name).unwrap();
        let target = Target {
            metric: metric.to_owned(),
            statistic,
            limit: Limit::Below(0.0),
        };
        assert_eq!(target.value(&snapshot), Some(value), "{name}");
        seen += 1;
    }
    let of_timers = BUILT_IN_TIMERS.len() * Statistic::ALL.len();
    assert_eq!(seen, number::numbers().count() + of_timers);
}

#[test]
fn custom_metrics_have_values_and_nothing_has_none() {
    let target = |name: &str, limit: &str| Target::parse(name, limit).unwrap();
    let mut snapshot = MetricsSnapshot::default();
    let stage = target("my_stage.avg", "< 10ms");
    let reconnects = target("rtsp_reconnects", "< 10");
    for it in [&stage, &reconnects] {
        assert_eq!(it.value(&snapshot), None);
        assert_eq!(it.verdict(None), Verdict::NoData);
    }
    snapshot
        .custom
        .timers
        .insert("my_stage".into(), TimerStats::default());
    assert_eq!(stage.value(&snapshot), None, "no samples");
    snapshot.custom.timers.insert("my_stage".into(), stats(9.0));
    snapshot
        .custom
        .counters
        .insert("rtsp_reconnects".into(), 11);
    assert_eq!(stage.value(&snapshot), Some(9.0));
    assert_eq!(stage.verdict(Some(9.0)), Verdict::Near);
    assert_eq!(reconnects.value(&snapshot), Some(11.0));

    snapshot.process_cpu_usage = Some(f64::NAN);
    assert_eq!(target("process_cpu_usage", "< 5%").value(&snapshot), None);
    let all = Targets::default();
    assert!(
        all.evaluate(&MetricsSnapshot::default())
            .iter()
            .all(|it| it.value.is_none() && it.verdict == Verdict::NoData)
    );
}

#[test]
fn every_default_has_its_verdicts() {
    let targets = Targets::default();
    let judge = |name: &str, value: f64| {
        let target = targets.iter().find(|target| target.name() == name).unwrap();
        target.verdict(Some(value))
    };
    for (name, met, near, missed) in [
        ("coreml_inference.p95", [0.0, 79.9], [80.0, 100.0], 100.1),
        ("llm_inference.p95", [0.0, 2399.9], [2400.0, 3000.0], 3000.1),
        (
            "frame_processing_latency.avg",
            [0.0, 3999.0],
            [4000.0, 5000.0],
            5001.0,
        ),
        ("process_cpu_usage", [0.0, 39.9], [40.0, 50.0], 50.1),
        ("process_memory_mb", [0.0, 1638.3], [1638.4, 2048.0], 2048.1),
        ("system_availability", [100.0, 99.21], [99.2, 99.0], 98.99),
        (
            "metrics_collection_overhead_percent",
            [0.0, 0.79],
            [0.8, 1.0],
            1.01,
        ),
    ] {
        for value in met {
            assert_eq!(judge(name, value), Verdict::Met, "{name} {value}");
        }
        for value in near {
            assert_eq!(judge(name, value), Verdict::Near, "{name} {value}");
        }
        assert_eq!(judge(name, missed), Verdict::Missed, "{name} {missed}");
    }
}

#[test]
fn limits_without_room_are_met_or_missed() {
    assert_eq!(Limit::Below(0.0).judge(0.0, false), Verdict::Met);
    assert_eq!(Limit::Below(0.0).judge(1.0, false), Verdict::Missed);
    assert_eq!(Limit::Above(100.0).judge(100.0, true), Verdict::Met);
    assert_eq!(Limit::Above(100.0).judge(99.9, true), Verdict::Missed);
    assert_eq!(Limit::Above(0.0).judge(0.0, false), Verdict::Met);
    assert_eq!(Limit::Above(8.0).judge(10.0, false), Verdict::Near);
    assert_eq!(Limit::Above(8.0).judge(10.1, false), Verdict::Met);
    assert_eq!(Limit::Above(8.0).judge(7.9, false), Verdict::Missed);
}
