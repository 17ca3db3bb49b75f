//! What holds in every snapshot of a loop that counts its frames by [`tachograph_hotpath::Frame`] alone, whenever it is taken.

use tachograph_reducer::MetricsSnapshot;

/// Checks one snapshot: the ledger of outcomes, the conservation of samples, the order of the statistics.
///
/// # Errors
/// Says what does not hold.
pub fn check_snapshot(s: &MetricsSnapshot, window: u64) -> Result<(), String> {
    let accounted = s.samples_counted + s.samples_overwritten + s.samples_pending;
    require(s.samples_recorded == accounted, "samples are not conserved")?;
    // Each lifetime is counted at the cursors; the other two are counted sample by sample.
    let read: u64 = s.lifetime.values().map(|timer| timer.count).sum();
    require(
        read == s.samples_counted + s.samples_overwritten,
        "the lifetimes have other samples than were counted and overwritten",
    )?;
    let with_motion = s.frames_motion + s.events_suppressed + s.events_created;
    require(
        s.frames_processed == s.frames_idle + with_motion + s.frames_failed,
        "the outcomes do not add up to the frames",
    )?;
    require(
        (with_motion..=with_motion + s.frames_failed).contains(&s.motion_detected)
            && s.motion_detected <= s.frames_processed,
        "motion is not that of the outcomes",
    )?;
    check_frames(s)?;
    let recorded = |name| s.lifetime.get(name).map_or(0, |timer| timer.count);
    for (name, stats) in s.timers() {
        let recorded = recorded(name);
        let full = stats.count == recorded.min(window);
        let order = [stats.min, stats.p50, stats.p95, stats.p99, stats.max];
        let ordered =
            order.is_sorted() && (stats.min..=stats.max * (1.0 + 1e-12)).contains(&stats.avg);
        require(
            full && ordered,
            &format!("{name} has a wrong count or order"),
        )?;
    }
    Ok(())
}

/// A frame is timed before it is counted, and counts are read before times; and the slowest frames are in order and within those.
fn check_frames(s: &MetricsSnapshot) -> Result<(), String> {
    let by_outcome = [
        ("frame_idle", s.frames_idle),
        ("frame_motion", s.frames_motion),
        ("frame_suppressed", s.events_suppressed),
        ("frame_event", s.events_created),
        ("frame_failed", s.frames_failed),
    ];
    for (name, count) in by_outcome {
        let timed = s.lifetime.get(name).map_or(0, |timer| timer.count);
        require(timed >= count, &format!("more frames than {name} has"))?;
    }
    let slowest = &s.slowest_frames;
    require(
        slowest.len() <= 8 && slowest.is_sorted_by(|one, next| one.ms >= next.ms),
        "the slowest frames are not in order",
    )?;
    for frame in slowest {
        let stages: f64 = frame.stages.iter().map(|stage| stage.ms).sum();
        require(
            stages <= frame.ms * (1.0 + 1e-9) + 1e-9,
            "a frame is shorter than its stages",
        )?;
    }
    Ok(())
}

/// Checks that no total goes back from one snapshot to a later one.
///
/// # Errors
/// Says that one does.
pub fn check_order(before: &MetricsSnapshot, after: &MetricsSnapshot) -> Result<(), String> {
    let totals = |s: &MetricsSnapshot| {
        [
            s.sequence,
            s.samples_recorded,
            s.samples_counted,
            s.samples_overwritten,
            s.frames_processed,
            s.motion_detected,
            s.events_created,
            s.frames_failed,
        ]
    };
    let mut pairs = totals(before).into_iter().zip(totals(after));
    require(
        pairs.all(|(before, after)| before <= after),
        "a total went back",
    )
}

fn require(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}
