//! Motion: the picture's brightness, averaged over blocks, against a background that follows slowly.
//!
//! A block ("cell") has changed when it is further from its background than its own noise explains. Blocks make the
//! measure cheap and quiet: the mean of `n` pixels has 1/sqrt(n) of their noise.

use crate::frame::Frame;

/// The grid is at most this wide, in cells, unless the picture is very flat.
const GRID_WIDTH: usize = 320;
/// Frames that are taken for pure background at the start.
const LEARNING: u32 = 10;
/// The smallest difference that counts, in steps of luma.
const FLOOR: f32 = 6.0;
/// How many mean deviations of its noise a cell may be off; for a bell curve 5 of them are 4 sigma.
const DEVIATIONS: f32 = 5.0;
/// The share of the difference by which the background follows, per frame, where nothing has changed.
const FOLLOW: f32 = 1.0 / 32.0;
/// The same where something has: what stands still long enough becomes background.
const FOLLOW_CHANGED: f32 = 1.0 / 512.0;
/// The same while most of the picture has changed: the light was switched or the camera moved, and it is learnt afresh.
const FOLLOW_CUT: f32 = 1.0 / 8.0;
/// The changed share from which on it is a cut.
const CUT: f64 = 0.5;

/// Which cells of the grid have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MotionMask {
    /// Cells per row.
    pub(crate) width: usize,
    /// Rows of cells.
    pub(crate) height: usize,
    /// A cell covers `scale * scale` pixels; pixels that fill no cell at the right and lower edge are not looked at.
    pub(crate) scale: usize,
    /// 1 where the cell has changed, 0 elsewhere; row by row.
    pub(crate) cells: Vec<u8>,
    /// How many have.
    pub(crate) changed: usize,
}

impl MotionMask {
    /// The changed share of the picture, 0.0..=1.0.
    pub(crate) fn share(&self) -> f64 {
        self.changed as f64 / self.cells.len().max(1) as f64
    }
}

/// The motion detector with its background.
pub(crate) struct Motion {
    threshold: f64,
    frames: u32,
    frame_size: (usize, usize),
    /// Mean luma per cell of the running background, 0.0..=255.0.
    background: Vec<f32>,
    /// Mean absolute difference from the background per cell, in steps of luma.
    noise: Vec<f32>,
    /// Mean luma per cell of the current frame.
    means: Vec<f32>,
    /// Sums over the rows of one row of cells, one per pixel column.
    columns: Vec<u16>,
    mask: MotionMask,
}

impl Motion {
    /// Sees motion where more than `threshold` of the picture (0.0..=1.0) has changed.
    pub(crate) fn new(threshold: f64) -> Self {
        Self {
            threshold,
            frames: 0,
            frame_size: (0, 0),
            background: Vec::new(),
            noise: Vec::new(),
            means: Vec::new(),
            columns: Vec::new(),
            mask: MotionMask::default(),
        }
    }

    /// Looks at the next frame; whether there is motion, and where.
    pub(crate) fn detect(&mut self, frame: &Frame) -> (bool, &MotionMask) {
        if self.frame_size != (frame.width, frame.height) {
            self.start(frame);
        }
        self.average(frame);
        if self.frames < LEARNING {
            self.learn();
        } else {
            self.compare();
        }
        (self.mask.share() > self.threshold, &self.mask)
    }

    fn start(&mut self, frame: &Frame) {
        // 128 rows of 255 stay within the column sums; wider pictures than that do not come through the sources.
        let scale = frame.width.div_ceil(GRID_WIDTH).clamp(1, 128);
        let scale = scale.min(frame.height.max(1));
        let (width, height) = (frame.width / scale, frame.height / scale);
        self.frames = 0;
        self.frame_size = (frame.width, frame.height);
        self.mask = MotionMask {
            width,
            height,
            scale,
            cells: vec![0; width * height],
            changed: 0,
        };
        self.background = vec![0.0; width * height];
        self.noise = vec![0.0; width * height];
        self.means = vec![0.0; width * height];
        self.columns = vec![0; width * scale];
    }

    /// Fills `means`: first whole rows are added up, which the compiler turns into wide instructions, then the columns.
    fn average(&mut self, frame: &Frame) {
        let (scale, stride) = (self.mask.scale, frame.width.max(1));
        let per_pixel = 1.0 / (scale * scale) as f32;
        let bands = frame.luma.chunks_exact(stride * scale);
        for (band, means) in bands.zip(self.means.chunks_exact_mut(self.mask.width.max(1))) {
            self.columns.fill(0);
            for row in band.chunks_exact(stride) {
                for (sum, &pixel) in self.columns.iter_mut().zip(row) {
                    *sum += u16::from(pixel);
                }
            }
            for (mean, cell) in means.iter_mut().zip(self.columns.chunks_exact(scale)) {
                let sum: u32 = cell.iter().map(|&column| u32::from(column)).sum();
                *mean = sum as f32 * per_pixel;
            }
        }
    }

    /// Running means over the first frames; nothing counts as changed.
    fn learn(&mut self) {
        self.frames += 1;
        let follow = 1.0 / self.frames as f32;
        let cells = self.background.iter_mut().zip(&mut self.noise);
        for ((background, noise), &mean) in cells.zip(&self.means) {
            let difference = mean - *background;
            *background += difference * follow;
            // The first frame has nothing to differ from.
            if self.frames > 1 {
                *noise += (difference.abs() - *noise) * follow;
            }
        }
    }

    fn compare(&mut self) {
        let cut = self.mask.share() > CUT;
        let follow_changed = if cut { FOLLOW_CUT } else { FOLLOW_CHANGED };
        let cells = self.background.iter_mut().zip(&mut self.noise);
        let cells = cells.zip(&self.means).zip(&mut self.mask.cells);
        for (((background, noise), &mean), cell) in cells {
            let difference = mean - *background;
            let distance = difference.abs();
            let changed = distance > FLOOR + DEVIATIONS * *noise;
            // Two selects and no branch: this loop runs over every cell of every frame.
            let follow = if changed { follow_changed } else { FOLLOW };
            let learn = if changed { FOLLOW_CHANGED } else { FOLLOW };
            *background += difference * follow;
            *noise += (distance - *noise) * learn;
            *cell = u8::from(changed);
        }
        self.mask.changed = self.mask.cells.iter().map(|&cell| usize::from(cell)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Subsampling;

    fn flat(width: usize, height: usize, luma: u8) -> Frame {
        let mut frame = Frame::empty();
        frame.resize(width, height, Subsampling::Mono);
        frame.luma.fill(luma);
        frame
    }

    fn with_square(mut frame: Frame, at: usize, side: usize, luma: u8) -> Frame {
        let width = frame.width;
        for row in frame.luma.chunks_exact_mut(width).skip(at).take(side) {
            row[at..at + side].fill(luma);
        }
        frame
    }

    fn learnt(frame: &Frame) -> Motion {
        let mut motion = Motion::new(0.002);
        for _ in 0..LEARNING {
            assert!(!motion.detect(frame).0, "learning is not motion");
        }
        motion
    }

    #[test]
    fn a_square_is_seen_where_it_is() {
        let still = flat(640, 360, 100);
        let mut motion = learnt(&still);
        assert!(!motion.detect(&still).0);
        let (moved, mask) = motion.detect(&with_square(still, 100, 40, 160));
        assert!(moved);
        assert_eq!((mask.width, mask.height, mask.scale), (320, 180, 2));
        assert_eq!(mask.changed, 20 * 20);
        assert_eq!(mask.cells[50 * 320 + 50], 1);
        assert_eq!(mask.cells[49 * 320 + 50], 0);
        assert_eq!(mask.cells[70 * 320 + 70], 0);
    }

    #[test]
    fn what_is_smaller_than_the_threshold_is_no_motion() {
        let still = flat(640, 360, 100);
        let mut motion = learnt(&still);
        let (moved, mask) = motion.detect(&with_square(still, 100, 20, 160));
        assert!(!moved);
        assert_eq!(mask.changed, 100, "but the mask shows it");
    }

    #[test]
    fn noise_raises_the_bar() {
        let noisy = |n: usize| flat(64, 64, if n.is_multiple_of(2) { 90 } else { 110 });
        let mut motion = Motion::new(0.0);
        for n in 0..100 {
            let (moved, _) = motion.detect(&noisy(n));
            assert!(!moved, "frame {n}: flicker that was there from the start");
        }
        assert!(motion.detect(&flat(64, 64, 220)).0);
    }

    #[test]
    fn what_stays_becomes_background() {
        let still = flat(64, 64, 100);
        let mut motion = learnt(&still);
        let bright = flat(64, 64, 200);
        assert!(motion.detect(&bright).0);
        let until = (0..200).position(|_| !motion.detect(&bright).0);
        assert!(until.is_some_and(|frames| frames < 60), "{until:?}");
    }

    #[test]
    fn odd_and_tiny_and_flat_pictures_work() {
        for (width, height) in [(1, 1), (3, 5), (321, 7), (16_384, 1), (1, 900), (1283, 723)] {
            let still = flat(width, height, 50);
            let mut motion = learnt(&still);
            assert!(!motion.detect(&still).0, "{width}x{height}");
            let (moved, mask) = motion.detect(&flat(width, height, 250));
            assert!(moved, "{width}x{height}");
            assert_eq!(mask.changed, mask.cells.len());
        }
    }

    #[test]
    fn another_size_starts_afresh() {
        let mut motion = learnt(&flat(64, 64, 10));
        assert!(!motion.detect(&flat(32, 32, 200)).0);
    }
}
