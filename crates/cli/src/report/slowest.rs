//! The slowest frames of the whole log.

use tachograph::FrameRecord;

use super::data::{Charts, SlowFrame, StageName};
use super::shown;
use super::timeline::{begins, digits, has_time, is_time};
use crate::lines::Line;

/// Frames that are shown.
const SHOWN: usize = 16;

/// Stages that have a colour of their own; the rest are added up.
const STAGES: usize = 8;

/// What tells a frame from all others of the log: its run, lane and number.
type Key = (u64, u64, u64);

/// The slowest frames so far, slowest first. Each stands in many lines and is kept once.
#[derive(Debug, Default)]
pub(super) struct Slowest {
    frames: Vec<(Key, f64, FrameRecord)>,
    /// When the first line's time begins: frames before are not asked for.
    begins: Option<f64>,
}

impl Slowest {
    pub(super) fn add(&mut self, line: &Line) {
        if !has_time(&line.snapshot) {
            return;
        }
        let first = *self.begins.get_or_insert(begins(line));
        for frame in &line.snapshot.slowest_frames {
            let end = line.snapshot.timestamp - frame.age_s;
            let start = end - frame.ms / 1000.0;
            let key = (line.run, frame.lane, frame.number);
            let least = self.frames.last().filter(|_| self.frames.len() == SHOWN);
            let least = least.map_or(0.0, |(_, _, frame)| frame.ms);
            // One that was pushed out stays out: it is below what pushed it out.
            if end < first
                || !is_time(start)
                || frame.ms <= least
                || self.frames.iter().any(|(other, _, _)| *other == key)
            {
                continue;
            }
            self.frames.push((key, start, frame.clone()));
            self.frames
                .sort_by(|(_, _, a), (_, _, b)| b.ms.total_cmp(&a.ms));
            self.frames.truncate(SHOWN);
        }
    }

    /// Hands them to the charts.
    pub(super) fn finish(self, charts: &mut Charts) {
        let names = stages(self.frames.iter().map(|(_, _, frame)| frame));
        for (place, (_, start, frame)) in self.frames.into_iter().enumerate() {
            let mut stages: Vec<f64> = names.iter().map(|name| time_in(&frame, name)).collect();
            let in_stages: f64 = frame
                .stages
                .iter()
                .map(|it| it.ms.clamp(0.0, frame.ms))
                .sum();
            let others = (in_stages - stages.iter().sum::<f64>()).max(0.0);
            stages.push(others);
            stages.push((frame.ms - in_stages).max(0.0));
            charts.slowest.push(SlowFrame {
                rank: place + 1,
                start: (start * 1e3).round() / 1e3,
                number: frame.number,
                outcome: shown(&frame.outcome),
                event_id: frame.event_id,
                ms: digits(frame.ms),
                stages: stages.into_iter().map(digits).collect(),
            });
        }
        let name = |text: String, between| StageName { text, between };
        charts.slowest_stages = names.iter().map(|text| name(shown(text), false)).collect();
        charts
            .slowest_stages
            .push(name("other stages".to_owned(), false));
        charts
            .slowest_stages
            .push(name("between stages".to_owned(), true));
        charts.drop_empty_stages();
    }
}

/// A stage over several frames.
struct Stage {
    name: String,
    /// All that was spent in it, milliseconds.
    ms: f64,
    /// The sum of the times into their frames at which it began, and how often it did.
    starts: f64,
    count: u32,
}

/// The stages with the most time, at most [`STAGES`], in the order in which frames go through them.
fn stages<'a>(frames: impl Iterator<Item = &'a FrameRecord>) -> Vec<String> {
    let mut all: Vec<Stage> = Vec::new();
    for stage in frames.flat_map(|frame| &frame.stages) {
        let known = all.iter_mut().find(|it| *it.name == *stage.stage);
        let (ms, start) = (stage.ms, stage.start_ms);
        match known {
            Some(it) => {
                it.ms += ms;
                it.starts += start;
                it.count += 1;
            }
            None => all.push(Stage {
                name: stage.stage.to_string(),
                ms,
                starts: start,
                count: 1,
            }),
        }
    }
    all.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    all.truncate(STAGES);
    let start = |it: &Stage| it.starts / f64::from(it.count);
    all.sort_by(|a, b| start(a).total_cmp(&start(b)));
    all.into_iter().map(|it| it.name).collect()
}

/// A stage may come several times in a frame.
fn time_in(frame: &FrameRecord, name: &str) -> f64 {
    let stages = frame.stages.iter().filter(|stage| *stage.stage == *name);
    stages.map(|stage| stage.ms.clamp(0.0, frame.ms)).sum()
}

impl Charts {
    /// Takes the stages away that no frame spent time in.
    fn drop_empty_stages(&mut self) {
        let is_used = |place: usize| {
            let mut times = self
                .slowest
                .iter()
                .filter_map(|frame| frame.stages.get(place));
            times.any(|ms| *ms > 0.0)
        };
        let used: Vec<bool> = (0..self.slowest_stages.len()).map(is_used).collect();
        let mut keep = used.iter();
        self.slowest_stages
            .retain(|_| keep.next().copied().unwrap_or(false));
        for frame in &mut self.slowest {
            let mut keep = used.iter();
            frame
                .stages
                .retain(|_| keep.next().copied().unwrap_or(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tachograph::{FrameStage, MetricsSnapshot};

    use super::*;
    use crate::lines::Place;

    fn frame(number: u64, ms: f64, stages: &[(&str, f64, f64)]) -> FrameRecord {
        let stages = stages.iter().map(|(name, start_ms, ms)| FrameStage {
            stage: Arc::from(*name),
            start_ms: *start_ms,
            ms: *ms,
        });
        FrameRecord {
            number,
            ms,
            age_s: 1.0,
            stages: stages.collect(),
            ..FrameRecord::default()
        }
    }

    fn line(timestamp: f64, uptime: f64, before: Option<&Line>, frames: Vec<FrameRecord>) -> Line {
        let snapshot = MetricsSnapshot {
            timestamp,
            uptime_seconds: uptime,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            sequence: uptime as u64,
            slowest_frames: frames,
            ..MetricsSnapshot::default()
        };
        let place = Place {
            path: Arc::from(Path::new("log")),
            number: 1,
        };
        Line::link(snapshot, before, place)
    }

    #[test]
    fn each_frame_stands_there_once_and_runs_are_told_apart() {
        let first = line(
            1000.0,
            60.0,
            None,
            vec![frame(1, 50.0, &[]), frame(2, 40.0, &[])],
        );
        let second = line(
            1060.0,
            120.0,
            Some(&first),
            vec![frame(1, 50.0, &[]), frame(3, 45.0, &[])],
        );
        // Another run, which counts anew.
        let third = line(2000.0, 60.0, Some(&second), vec![frame(1, 60.0, &[])]);
        let mut slowest = Slowest::default();
        for line in [&first, &second, &third] {
            slowest.add(line);
        }
        let mut charts = Charts::default();
        slowest.finish(&mut charts);
        let found: Vec<_> = charts
            .slowest
            .iter()
            .map(|it| (it.rank, it.number))
            .collect();
        assert_eq!(found, [(1, 1), (2, 1), (3, 3), (4, 2)]);
        assert!((charts.slowest[0].start - 1998.94).abs() < 1e-9);
    }

    #[test]
    fn stages_are_in_their_order_and_add_up() {
        let stages = [
            ("decode", 0.0, 2.0),
            ("detect", 3.0, 5.0),
            ("decode", 8.0, 1.0),
        ];
        let hung = frame(1, 90.0, &[("describe", 0.5, 80.0)]);
        let line = line(1000.0, 60.0, None, vec![hung, frame(2, 10.0, &stages)]);
        let mut slowest = Slowest::default();
        slowest.add(&line);
        let mut charts = Charts::default();
        slowest.finish(&mut charts);
        let names: Vec<&str> = charts
            .slowest_stages
            .iter()
            .map(|it| it.text.as_str())
            .collect();
        assert_eq!(names, ["describe", "detect", "decode", "between stages"]);
        assert_eq!(charts.slowest[0].stages, [80.0, 0.0, 0.0, 10.0]);
        assert_eq!(charts.slowest[1].stages, [0.0, 5.0, 3.0, 2.0]);
    }
}
