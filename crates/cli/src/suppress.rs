//! One event per occurrence: what was reported a moment ago in the same place is not reported again.

use crate::detect::Region;

/// How long a place is remembered after something was last seen there, in seconds of video time.
const MEMORY_S: f64 = 5.0;
/// Remembered places at most; the one not seen for longest goes first.
const MAX_PLACES: usize = 256;
/// How much of the smaller box must lie in the other, 0.0..=1.0, for the two to be one place.
const COVERAGE: f64 = 0.3;
/// From this ratio of intersection to union on, a new sight replaces the old one instead of standing next to it.
const SAME_BOX: f64 = 0.5;

#[derive(Debug, Clone, Copy)]
struct Place {
    region: Region,
    last_seen_s: f64,
}

/// The places where something was reported or, since then, seen again.
#[derive(Debug, Default)]
pub(crate) struct Suppressor {
    places: Vec<Place>,
    /// The next `places` while they are being collected; kept for its buffer.
    kept: Vec<Place>,
}

impl Suppressor {
    /// Whether every one of the regions belongs to something seen within the last 5 seconds of video time.
    ///
    /// Regions that do are remembered anew, where they are now: something that moves on stays the same thing.
    pub(crate) fn is_duplicate(&mut self, regions: &[Region], time_s: f64) -> bool {
        self.places
            .retain(|place| time_s - place.last_seen_s <= MEMORY_S);
        // One thing may fall apart into several regions: all are compared with what was known before this frame.
        let before = self.places.len();
        let mut all_known = true;
        for region in regions {
            let mut known = self.places.iter().take(before);
            if known.any(|place| same_place(&place.region, region)) {
                self.places.push(Place {
                    region: *region,
                    last_seen_s: time_s,
                });
            } else {
                all_known = false;
            }
        }
        self.tidy(before);
        all_known
    }

    /// Remembers the regions of an event that was reported.
    pub(crate) fn remember(&mut self, regions: &[Region], time_s: f64) {
        let before = self.places.len();
        self.places.extend(regions.iter().map(|&region| Place {
            region,
            last_seen_s: time_s,
        }));
        self.tidy(before);
    }

    /// Drops old places that newer ones (those from index `before` on) have replaced, and the oldest beyond the bound.
    fn tidy(&mut self, before: usize) {
        let (old, new) = self.places.split_at(before.min(self.places.len()));
        let replaced = |old: &Place| {
            new.iter()
                .any(|new| same_box(&old.region, &new.region) >= SAME_BOX)
        };
        self.kept.clear();
        self.kept
            .extend(old.iter().filter(|old| !replaced(old)).copied());
        self.kept.extend_from_slice(new);
        let surplus = self.kept.len().saturating_sub(MAX_PLACES);
        // Places are in the order of their last sight.
        self.kept.drain(..surplus);
        std::mem::swap(&mut self.places, &mut self.kept);
    }
}

/// Whether two boxes cover each other well enough, once the known one has grown by half its size to each side: between
/// two frames a thing may move by its own width and more.
fn same_place(known: &Region, seen: &Region) -> bool {
    let across = overlap(grown_ends(known.x, known.width), ends(seen.x, seen.width));
    let down = overlap(grown_ends(known.y, known.height), ends(seen.y, seen.height));
    let smaller = (known.width * known.height).min(seen.width * seen.height);
    across * down >= smaller as f64 * COVERAGE
}

fn grown_ends(start: usize, length: usize) -> (f64, f64) {
    let (start, length) = (start as f64, length as f64);
    (start - length / 2.0, start + length * 1.5)
}

fn ends(start: usize, length: usize) -> (f64, f64) {
    (start as f64, (start + length) as f64)
}

/// Intersection over union, 0.0..=1.0.
fn same_box(a: &Region, b: &Region) -> f64 {
    let across = overlap(ends(a.x, a.width), ends(b.x, b.width));
    let shared = across * overlap(ends(a.y, a.height), ends(b.y, b.height));
    let all = (a.width * a.height + b.width * b.height) as f64 - shared;
    if all > 0.0 { shared / all } else { 0.0 }
}

/// The length that two intervals share, 0.0 or more.
fn overlap(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.1.min(b.1) - a.0.max(b.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: usize, y: usize) -> Region {
        Region {
            x,
            y,
            width: 20,
            height: 20,
            area: 400,
        }
    }

    #[test]
    fn the_same_place_is_a_duplicate_until_it_is_forgotten() {
        let mut suppressor = Suppressor::default();
        assert!(!suppressor.is_duplicate(&[at(100, 100)], 0.0));
        suppressor.remember(&[at(100, 100)], 0.0);
        assert!(suppressor.is_duplicate(&[at(105, 100)], 4.0));
        assert!(
            suppressor.is_duplicate(&[at(105, 100)], 8.9),
            "seeing it renews"
        );
        assert!(!suppressor.is_duplicate(&[at(105, 100)], 14.0));
    }

    #[test]
    fn another_place_is_new_and_so_is_a_second_thing() {
        let mut suppressor = Suppressor::default();
        suppressor.remember(&[at(100, 100)], 0.0);
        assert!(!suppressor.is_duplicate(&[at(300, 100)], 1.0));
        assert!(!suppressor.is_duplicate(&[at(100, 100), at(300, 100)], 1.0));
        suppressor.remember(&[at(100, 100), at(300, 100)], 1.0);
        assert!(suppressor.is_duplicate(&[at(300, 100), at(100, 100)], 2.0));
    }

    #[test]
    fn something_that_moves_on_stays_the_same() {
        let mut suppressor = Suppressor::default();
        suppressor.remember(&[at(0, 0)], 0.0);
        for step in 1..100_u32 {
            let x = 15 * step as usize;
            assert!(suppressor.is_duplicate(&[at(x, 0)], f64::from(step) / 30.0));
        }
        assert!(suppressor.is_duplicate(&[at(0, 0)], 4.0), "its trail");
        assert!(!suppressor.is_duplicate(&[at(1485, 0)], 9.0), "it has left");
    }

    #[test]
    fn something_that_falls_apart_and_closes_up_again_stays_the_same() {
        let tall = |y, height| Region {
            height,
            area: 20 * height,
            ..at(100, y)
        };
        let mut suppressor = Suppressor::default();
        suppressor.remember(&[tall(0, 200)], 0.0);
        assert!(suppressor.is_duplicate(&[tall(0, 30), tall(170, 30)], 0.1));
        assert!(suppressor.is_duplicate(&[tall(90, 30)], 0.2));
        assert!(suppressor.is_duplicate(&[tall(0, 200)], 0.3));
    }

    #[test]
    fn what_was_not_reported_is_not_remembered() {
        let mut suppressor = Suppressor::default();
        assert!(!suppressor.is_duplicate(&[at(0, 0)], 0.0));
        assert!(!suppressor.is_duplicate(&[at(0, 0)], 0.1));
    }

    #[test]
    fn memory_is_bounded() {
        let mut suppressor = Suppressor::default();
        for n in 0..1000_u32 {
            suppressor.remember(&[at(100 * n as usize, 0)], f64::from(n) / 1000.0);
        }
        assert!(suppressor.places.len() <= MAX_PLACES);
        assert!(suppressor.is_duplicate(&[at(99_900, 0)], 1.0));
        assert!(!suppressor.is_duplicate(&[at(0, 0)], 1.0));
    }
}
