//! Which frames stand in one row: those of a lane, one after the other.
//!
//! Slices of a thread must not overlap but by lying within one another. Frames of a lane may: one that is measured within another
//! one ends first. And they may seem to, because two snapshots place them by two readings of the clock.

use std::collections::BTreeMap;

use super::frames::{Key, Placed};

/// So far may two snapshots be wrong about each other, nanoseconds: the time between the readings of two clocks.
const SLACK: i64 = 50_000_000;
/// So far may one snapshot be wrong about itself, nanoseconds: rounding.
const ROUNDING: i64 = 1_000;

/// A row of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Track {
    pub(super) run: u64,
    pub(super) lane: u64,
    /// 0, unless a frame of the lane began before another one had ended.
    pub(super) depth: usize,
}

/// The last frame of a row.
struct End {
    at: i64,
    source: u64,
}

/// Puts frames into rows, in each of which none begins before the last one ended.
pub(super) fn arrange(
    frames: impl IntoIterator<Item = (Key, Placed)>,
) -> BTreeMap<Track, Vec<Placed>> {
    let mut frames: Vec<_> = frames.into_iter().collect();
    // On one lane the order of the numbers is that in which they began.
    frames.sort_by_key(|(key, _)| *key);
    let mut rows: BTreeMap<Track, Vec<Placed>> = BTreeMap::new();
    let mut ends: BTreeMap<(u64, u64), Vec<End>> = BTreeMap::new();
    for (key, mut placed) in frames {
        let ends = ends.entry((key.run, key.lane)).or_default();
        let fits = |end: &End| {
            let slack = if end.source == placed.source {
                ROUNDING
            } else {
                SLACK
            };
            end.at - placed.start <= slack
        };
        let depth = ends.iter().position(fits).unwrap_or(ends.len());
        if let Some(end) = ends.get(depth) {
            placed.start = placed.start.max(end.at);
        }
        let end = End {
            at: placed.start.saturating_add(placed.length),
            source: placed.source,
        };
        match ends.get_mut(depth) {
            Some(last) => *last = end,
            None => ends.push(end),
        }
        let track = Track {
            run: key.run,
            lane: key.lane,
            depth,
        };
        rows.entry(track).or_default().push(placed);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use tachograph::FrameRecord;

    fn rows(frames: &[(u64, i64, i64, u64)]) -> Vec<(usize, i64, i64)> {
        let frames = frames.iter().map(|&(number, start, length, source)| {
            let placed = Placed {
                start,
                length,
                source,
                record: FrameRecord::default(),
            };
            let key = Key {
                run: 0,
                lane: 0,
                number,
            };
            (key, placed)
        });
        let rows = arrange(frames).into_iter();
        rows.flat_map(|(track, frames)| {
            let ends = frames.into_iter();
            ends.map(move |it| (track.depth, it.start, it.length))
        })
        .collect()
    }

    #[test]
    fn frames_that_touch_share_a_row() {
        let found = rows(&[(0, 0, 10, 0), (1, 10, 5, 0), (2, 100, 5, 0)]);
        assert_eq!(found, [(0, 0, 10), (0, 10, 5), (0, 100, 5)]);
    }

    #[test]
    fn frames_within_frames_stand_below() {
        let outer = 100_000_000;
        let found = rows(&[(0, 0, outer, 0), (1, 5, 10, 0), (2, outer, 9, 0)]);
        assert_eq!(found, [(0, 0, outer), (0, outer, 9), (1, 5, 10)]);
    }

    #[test]
    fn a_small_contradiction_of_two_snapshots_is_smoothed() {
        let found = rows(&[(0, 0, 30_000_000, 0), (1, 29_000_000, 5, 1)]);
        assert_eq!(found, [(0, 0, 30_000_000), (0, 30_000_000, 5)]);
    }
}
