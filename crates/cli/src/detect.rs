//! What moved: regions of the picture.

use crate::frame::Frame;
use crate::motion::MotionMask;

/// At most this many regions per frame, the largest ones.
const MAX_REGIONS: usize = 16;
/// The smallest region that counts, as a share of the picture.
const MIN_SHARE: f64 = 0.001;

/// A box around something, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Region {
    /// Left edge.
    pub(crate) x: usize,
    /// Upper edge.
    pub(crate) y: usize,
    /// Width, at least 1.
    pub(crate) width: usize,
    /// Height, at least 1.
    pub(crate) height: usize,
    /// How many pixels inside have changed.
    pub(crate) area: usize,
}

/// Why a detector found nothing out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DetectError {
    /// The mask is not one of this picture; a detector that crops the picture by it would read beside it.
    #[error(
        "the motion mask covers {mask_width}x{mask_height} pixels and the frame has {width}x{height}"
    )]
    Mask {
        /// Pixels per row that the mask covers.
        mask_width: usize,
        /// Rows that it covers.
        mask_height: usize,
        /// Pixels per row of the frame.
        width: usize,
        /// Rows of the frame.
        height: usize,
    },
}

/// Finds objects in a frame. A model (`CoreML`, ONNX) takes this place: it may look at the pixels, and use the mask to
/// look only where something moved.
pub(crate) trait Detector {
    /// Replaces `regions` by those of this frame, the largest first. Buffers are reused: no allocation in a steady state.
    fn detect(
        &mut self,
        frame: &Frame,
        motion: &MotionMask,
        regions: &mut Vec<Region>,
    ) -> Result<(), DetectError>;
}

/// A stretch of changed cells in one row, `start..end`.
#[derive(Debug, Clone, Copy)]
struct Run {
    row: usize,
    start: usize,
    end: usize,
}

/// A component's extent so far, in cells.
#[derive(Debug, Clone, Copy)]
struct Extent {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
    cells: usize,
}

/// The connected components of the motion mask, 8-connected: cells that touch by an edge or a corner belong together.
///
/// Runs of changed cells are joined row by row with a union-find, so the cost is that of the runs, not of the picture.
#[derive(Default)]
pub(crate) struct ConnectedComponents {
    runs: Vec<Run>,
    /// For each run a run of the same component with a smaller or equal index; the root is its own parent.
    parents: Vec<usize>,
    /// For each root its component's extent.
    extents: Vec<Option<Extent>>,
}

impl Detector for ConnectedComponents {
    fn detect(
        &mut self,
        frame: &Frame,
        motion: &MotionMask,
        regions: &mut Vec<Region>,
    ) -> Result<(), DetectError> {
        regions.clear();
        let (mask_width, mask_height) = (motion.width * motion.scale, motion.height * motion.scale);
        if mask_width > frame.width || mask_height > frame.height {
            return Err(DetectError::Mask {
                mask_width,
                mask_height,
                width: frame.width,
                height: frame.height,
            });
        }
        self.find_runs(motion);
        self.join_runs();
        self.measure();
        let min_area = (frame.width * frame.height) as f64 * MIN_SHARE;
        let found = self.extents.iter().flatten();
        let found = found.map(|extent| region(*extent, motion.scale));
        regions.extend(found.filter(|region| region.area as f64 >= min_area));
        regions.sort_unstable_by_key(|region| (std::cmp::Reverse(region.area), region.y, region.x));
        regions.truncate(MAX_REGIONS);
        Ok(())
    }
}

impl ConnectedComponents {
    fn find_runs(&mut self, motion: &MotionMask) {
        self.runs.clear();
        for (row, cells) in motion.cells.chunks_exact(motion.width.max(1)).enumerate() {
            // Most rows are empty, and this sum is the fast way to see it.
            if cells.iter().fold(0, |any, &cell| any | cell) == 0 {
                continue;
            }
            let mut start = 0;
            for stretch in cells.chunk_by(|a, b| a == b) {
                let end = start + stretch.len();
                if stretch.first() == Some(&1) {
                    self.runs.push(Run { row, start, end });
                }
                start = end;
            }
        }
        self.parents.clear();
        self.parents.extend(0..self.runs.len());
    }

    /// Joins each run with those of the row above that it touches; both rows are walked once, side by side.
    fn join_runs(&mut self) {
        let mut above = 0;
        for current in 0..self.runs.len() {
            let Some(&run) = self.runs.get(current) else {
                break;
            };
            while let Some(upper) = self.runs.get(above) {
                let passed =
                    upper.row + 1 < run.row || (upper.row + 1 == run.row && upper.end < run.start);
                if !passed {
                    break;
                }
                above += 1;
            }
            let mut candidate = above;
            while let Some(upper) = self.runs.get(candidate) {
                // Half-open ranges that share no cell but a corner have `end == start`.
                if upper.row + 1 != run.row || upper.start > run.end {
                    break;
                }
                self.join(candidate, current);
                candidate += 1;
            }
        }
    }

    fn root(&self, mut at: usize) -> usize {
        while let Some(&parent) = self.parents.get(at) {
            if parent == at {
                break;
            }
            at = parent;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (lower, upper) = (a.min(b), a.max(b));
        if let Some(parent) = self.parents.get_mut(upper) {
            *parent = lower;
        }
    }

    fn measure(&mut self) {
        self.extents.clear();
        self.extents.resize(self.runs.len(), None);
        for at in 0..self.runs.len() {
            // A parent's index is never above its child's, so one pass flattens the paths.
            let root = self.root(at);
            if let Some(parent) = self.parents.get_mut(at) {
                *parent = root;
            }
            let (Some(&run), Some(slot)) = (self.runs.get(at), self.extents.get_mut(root)) else {
                continue;
            };
            let extent = slot.get_or_insert(Extent {
                left: run.start,
                right: run.end,
                top: run.row,
                bottom: run.row + 1,
                cells: 0,
            });
            extent.left = extent.left.min(run.start);
            extent.right = extent.right.max(run.end);
            extent.bottom = extent.bottom.max(run.row + 1);
            extent.cells += run.end - run.start;
        }
    }
}

fn region(extent: Extent, scale: usize) -> Region {
    Region {
        x: extent.left * scale,
        y: extent.top * scale,
        width: (extent.right - extent.left) * scale,
        height: (extent.bottom - extent.top) * scale,
        area: extent.cells * scale * scale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Subsampling;

    /// A picture of `#` and `.`; a cell is `scale` pixels wide.
    fn regions(picture: &[&str], scale: usize) -> Vec<Region> {
        let (width, height) = (picture[0].len(), picture.len());
        let cells: Vec<u8> = picture
            .iter()
            .flat_map(|row| row.bytes().map(|byte| u8::from(byte == b'#')))
            .collect();
        let changed = cells.iter().map(|&cell| usize::from(cell)).sum();
        let mask = MotionMask {
            width,
            height,
            scale,
            cells,
            changed,
        };
        let mut frame = Frame::empty();
        frame.resize(width * scale, height * scale, Subsampling::Mono);
        let mut regions = vec![];
        ConnectedComponents::default()
            .detect(&frame, &mask, &mut regions)
            .expect("the mask fits");
        regions
    }

    fn boxes(picture: &[&str]) -> Vec<(usize, usize, usize, usize, usize)> {
        regions(picture, 1)
            .iter()
            .map(|r| (r.x, r.y, r.width, r.height, r.area))
            .collect()
    }

    #[test]
    fn corners_connect_and_gaps_part() {
        assert_eq!(boxes(&["#..", ".#.", "..#"]), [(0, 0, 3, 3, 3)]);
        assert_eq!(boxes(&["..#", ".#.", "#.."]), [(0, 0, 3, 3, 3)]);
        assert_eq!(boxes(&["#.#"]), [(0, 0, 1, 1, 1), (2, 0, 1, 1, 1)]);
        assert_eq!(boxes(&["#", ".", "#"]), [(0, 0, 1, 1, 1), (0, 2, 1, 1, 1)]);
    }

    #[test]
    fn arms_that_meet_late_are_one() {
        let picture = ["#.#.#", "#.#.#", "#.#.#", "#####"];
        assert_eq!(boxes(&picture), [(0, 0, 5, 4, 14)]);
        let spiral = ["#####", "....#", "###.#", "#...#", "#####"];
        assert_eq!(boxes(&spiral), [(0, 0, 5, 5, 17)]);
    }

    #[test]
    fn one_run_below_joins_many_above_and_the_other_way_round() {
        assert_eq!(boxes(&["#.#.#", "#####", "#.#.#"]), [(0, 0, 5, 3, 11)]);
    }

    #[test]
    fn pixels_are_cells_times_scale_and_the_largest_comes_first() {
        let found = regions(&["#....", "...##", "...##"], 4);
        let expected = |x, y, width, height, area| Region {
            x,
            y,
            width,
            height,
            area,
        };
        assert_eq!(found, [expected(12, 4, 8, 8, 64), expected(0, 0, 4, 4, 16)]);
    }

    #[test]
    fn small_regions_do_not_count_and_the_number_is_bounded() {
        let mut wide = "#".to_owned();
        wide.push_str(&".".repeat(1999));
        assert!(boxes(&[wide.as_str()]).is_empty());
        assert_eq!(boxes(&["#.".repeat(40).as_str()]).len(), MAX_REGIONS);
        assert!(boxes(&["..."]).is_empty());
    }

    #[test]
    fn it_agrees_with_a_flood_fill() {
        let mut state = 42_u64;
        for _ in 0..200 {
            let rows: Vec<String> = (0..12)
                .map(|_| {
                    (0..17)
                        .map(|_| {
                            state = state
                                .wrapping_mul(6_364_136_223_846_793_005)
                                .wrapping_add(1);
                            if state >> 61 < 3 { '#' } else { '.' }
                        })
                        .collect()
                })
                .collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let mut areas: Vec<usize> = flood(&rows);
            areas.sort_unstable_by(|a, b| b.cmp(a));
            areas.truncate(MAX_REGIONS);
            let found: Vec<usize> = regions(&rows, 1).iter().map(|r| r.area).collect();
            assert_eq!(found, areas);
        }
    }

    fn flood(rows: &[&str]) -> Vec<usize> {
        let mut open: std::collections::BTreeSet<(i32, i32)> = rows
            .iter()
            .zip(0..)
            .flat_map(|(row, y)| {
                row.chars()
                    .zip(0..)
                    .filter(|&(c, _)| c == '#')
                    .map(move |(_, x)| (x, y))
            })
            .collect();
        let mut areas = vec![];
        while let Some(seed) = open.pop_first() {
            let (mut todo, mut area) = (vec![seed], 0);
            while let Some((x, y)) = todo.pop() {
                area += 1;
                for (dx, dy) in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy))) {
                    if open.remove(&(x + dx, y + dy)) {
                        todo.push((x + dx, y + dy));
                    }
                }
            }
            areas.push(area);
        }
        areas
    }

    #[test]
    fn a_mask_of_another_picture_is_refused() {
        let mut frame = Frame::empty();
        frame.resize(2, 2, Subsampling::Mono);
        let mask = MotionMask {
            width: 3,
            height: 2,
            scale: 1,
            cells: vec![0; 6],
            changed: 0,
        };
        let error = ConnectedComponents::default().detect(&frame, &mask, &mut vec![]);
        let error = error.expect_err("refused").to_string();
        assert!(error.contains("3x2") && error.contains("2x2"), "{error}");
    }
}
