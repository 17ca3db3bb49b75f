//! Holds a snapshot against the model.

use tachograph::{FrameRecord, FrameStage, LifetimeStats, MetricsSnapshot, TimerStats};
use tachograph_reducer::{HIGHEST_NANOS, LOWEST_NANOS};

use super::model::{Model, Timer, Totals, Trace};
use crate::{assert_same_statistics, oracle};

/// By index, as the schema of the property has them.
pub(super) const TIMERS: [&str; 9] = [
    "coreml_inference",
    "llm_inference",
    "frame_processing_latency",
    "frame_idle",
    "frame_motion",
    "frame_suppressed",
    "frame_event",
    "frame_failed",
    CUSTOM_TIMER,
];
pub(super) const CUSTOM_TIMER: &str = "decode";
pub(super) const CUSTOM_COUNTER: &str = "hits";

/// Asserts that a snapshot shows what the model holds; both have just taken everything in.
pub(super) fn assert_agrees(snapshot: &MetricsSnapshot, model: &Model) {
    assert_counts(snapshot, &model.totals);
    assert_eq!(in_flight(snapshot), expected_in_flight(model));
    for (name, (timer, found)) in TIMERS
        .iter()
        .zip(model.totals.timers.iter().zip(timers(snapshot)))
    {
        assert_window(name, found, timer, model.now);
        let lifetime = &snapshot.lifetime[*name];
        assert_eq!(lifetime.count, timer.count, "{name}");
        close(lifetime.sum_ms, timer.sum as f64 / 1e6, name);
        let outside = |&&nanos: &&u64| !(LOWEST_NANOS..=HIGHEST_NANOS).contains(&nanos);
        let outside = timer.seen.iter().filter(outside).count();
        assert_eq!(lifetime.out_of_range, outside as u64, "{name}");
    }
}

fn assert_counts(snapshot: &MetricsSnapshot, totals: &Totals) {
    let [by_hand @ .., custom] = &totals.counters[..] else {
        panic!("the schema has five counters");
    };
    let [idle, motion, suppressed, event, failed] = totals.outcomes;
    let seen = [motion, suppressed, event, totals.failed_after_motion];
    let sums = [
        totals.outcomes.iter().sum::<u64>(),
        seen.iter().sum(),
        event,
        suppressed,
    ];
    let [frames, motions, created, dropped] =
        std::array::from_fn(|i| by_hand[i].wrapping_add(sums[i]));
    assert_eq!(snapshot.frames_processed, frames);
    assert_eq!(snapshot.motion_detected, motions);
    assert_eq!(snapshot.events_created, created);
    assert_eq!(snapshot.events_suppressed, dropped);
    let rate = (frames > 0).then(|| motions as f64 / frames as f64 * 100.0);
    assert_eq!(snapshot.motion_hit_rate, rate);
    assert_eq!(
        [
            snapshot.frames_idle,
            snapshot.frames_motion,
            snapshot.frames_failed
        ],
        [idle, motion, failed]
    );
    assert_eq!(snapshot.custom.counters[CUSTOM_COUNTER], *custom);
    assert_eq!(snapshot.samples_rejected, totals.rejected);
    // The conservation law, each term by itself.
    assert_eq!(snapshot.samples_counted, totals.counted);
    assert_eq!(snapshot.samples_overwritten, totals.overwritten);
    assert_eq!(snapshot.samples_pending, 0);
    let recorded: u64 = totals.timers.iter().map(|timer| timer.count).sum();
    assert_eq!(snapshot.samples_recorded, recorded);
    assert_eq!(totals.counted + totals.overwritten, recorded);
}

fn timers(snapshot: &MetricsSnapshot) -> [&TimerStats; TIMERS.len()] {
    [
        &snapshot.coreml_inference,
        &snapshot.llm_inference,
        &snapshot.frame_processing_latency,
        &snapshot.frame_idle,
        &snapshot.frame_motion,
        &snapshot.frame_suppressed,
        &snapshot.frame_event,
        &snapshot.frame_failed,
        &snapshot.custom.timers[CUSTOM_TIMER],
    ]
}

fn assert_window(name: &str, found: &TimerStats, timer: &Timer, now: u64) {
    let lengths: Vec<u64> = timer.window.iter().map(|&(.., ticks)| ticks).collect();
    assert_same_statistics(found, &oracle(&lengths), name);
    let ends = timer.window.first().zip(timer.window.last());
    let (span, age) = ends.map_or((0, 0), |(first, last)| (last.0 - first.0, now - last.0));
    close(found.span_s, span as f64 / 1e9, name);
    close(found.age_s, age as f64 / 1e9, name);
}

fn in_flight(snapshot: &MetricsSnapshot) -> Vec<(&str, f64)> {
    let stages = snapshot.in_flight.iter();
    stages.map(|stage| (&*stage.stage, stage.for_ms)).collect()
}

/// What every lane is doing; a timer of another schema has no name to show.
fn expected_in_flight(model: &Model) -> Vec<(&'static str, f64)> {
    let running = model.lanes.iter().filter_map(|lane| lane.running);
    running
        .filter_map(|(timer, since)| {
            let name = timer.map_or(Some("frame"), |timer| TIMERS.get(timer).copied())?;
            Some((name, (model.now - since) as f64 / 1e6))
        })
        .collect()
}

/// Asserts that the lifetime percentiles are those of what was seen, to three digits; they were refreshed just now.
pub(super) fn assert_percentiles(snapshot: &MetricsSnapshot, totals: &Totals) {
    for (name, timer) in TIMERS.iter().zip(&totals.timers) {
        let found = &snapshot.lifetime[*name];
        assert_eq!(found.counted, timer.seen.len() as u64, "{name}");
        let mut sorted = timer.seen.clone();
        sorted.sort_unstable();
        assert_ranks(name, found, &sorted);
    }
}

fn assert_ranks(name: &str, found: &LifetimeStats, sorted: &[u64]) {
    let quantiles = [
        (found.p50, 0.5),
        (found.p95, 0.95),
        (found.p99, 0.99),
        (found.p999, 0.999),
    ];
    for (found, quantile) in quantiles {
        let Some(last) = sorted.len().checked_sub(1) else {
            assert_eq!(found, None, "{name}");
            continue;
        };
        // The nearest rank, give or take one for the rounding of the product.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rank = (quantile * sorted.len() as f64).ceil() as usize;
        let held = |nanos: u64| nanos.clamp(LOWEST_NANOS, HIGHEST_NANOS) as f64 / 1e6;
        let low = held(sorted[rank.saturating_sub(2).min(last)]) * (1.0 - 1e-3) - 1e-6;
        let high = held(sorted[rank.min(last)]) * (1.0 + 1e-3) + 1e-3;
        let found = found.expect("there are samples");
        assert!(
            (low..=high).contains(&found),
            "{name}: {found} is not {low} to {high}"
        );
    }
}

/// Asserts that frames are those of the model, stage by stage.
pub(super) fn assert_frames(found: &[FrameRecord], expected: &[&Trace], now: u64) {
    let expected: Vec<_> = expected.iter().map(|trace| record(trace, now)).collect();
    assert_eq!(found, expected);
}

fn record(trace: &Trace, now: u64) -> FrameRecord {
    let millis = |nanos: u64| nanos as f64 / 1e6;
    let starts = trace.stages.iter();
    let ends = starts.clone().skip(1).map(|&(_, start)| start);
    let stages = starts.zip(ends.chain([trace.end]));
    FrameRecord {
        lane: trace.lane as u64,
        number: trace.number,
        outcome: trace.outcome.name().into(),
        event_id: trace.event_id,
        ms: millis(trace.end - trace.start),
        age_s: (now - trace.end) as f64 / 1e9,
        motion_ms: trace.motion.map(|motion| millis(motion - trace.start)),
        stages: stages
            .filter_map(|(&(timer, start), end)| {
                Some(FrameStage {
                    // One of another schema has no name to show.
                    stage: (*TIMERS.get(timer)?).into(),
                    start_ms: millis(start - trace.start),
                    ms: millis(end - start),
                })
            })
            .collect(),
        is_truncated: trace.is_truncated,
    }
}

fn close(found: f64, expected: f64, context: &str) {
    let tolerance = expected.abs() * 1e-9;
    assert!(
        (found - expected).abs() <= tolerance,
        "{context}: {found} is not {expected}"
    );
}
