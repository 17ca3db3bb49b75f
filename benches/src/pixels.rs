//! A camera without hardware, and the work that a motion detector does on its pixels.

use std::hint::black_box;

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
/// Pixels on a side of a block that is averaged.
const BLOCK: usize = 8;
/// Pixels in a block.
const PIXELS: u16 = 64;
const COLUMNS: usize = WIDTH / BLOCK;
const ROWS: usize = HEIGHT / BLOCK;
/// Frames after which the scene repeats; the object is in sight in the first [`IN_SIGHT`] of them.
const PERIOD: usize = 90;
const IN_SIGHT: usize = 30;
/// Pixels on a side of the object.
const OBJECT: usize = 64;
/// Brightness by which a block must change to count as moved.
const THRESHOLD: u8 = 8;
/// Every so many frames in sight the object is described.
const DESCRIBED: usize = 10;

/// A luma camera of 640 x 360 pixels that sees a bright square pass now and then, and what a loop does with its frames.
#[derive(Debug)]
pub struct Camera {
    background: Vec<u8>,
    frame: Vec<u8>,
    averages: Vec<u8>,
    previous: Vec<u8>,
    /// Blocks that changed, in the last frame.
    moved: Vec<usize>,
    number: usize,
}

impl Default for Camera {
    fn default() -> Self {
        Self::new()
    }
}

impl Camera {
    /// A camera that looks at a gradient.
    pub fn new() -> Self {
        let background: Vec<u8> = (0..WIDTH * HEIGHT)
            .map(|pixel| (pixel % WIDTH / 8 + pixel / WIDTH / 8).to_le_bytes()[0])
            .collect();
        Self {
            frame: background.clone(),
            background,
            averages: vec![0; COLUMNS * ROWS],
            previous: vec![0; COLUMNS * ROWS],
            moved: Vec::with_capacity(COLUMNS * ROWS),
            number: 0,
        }
    }

    /// All the work on one frame, uninstrumented; whether an event came of it.
    pub fn frame(&mut self, number: usize) -> bool {
        self.capture(number);
        if self.motion() == 0 || self.detect().is_none() {
            return false;
        }
        self.describe();
        true
    }

    /// Takes the next picture.
    pub fn capture(&mut self, number: usize) {
        self.number = number;
        self.frame.copy_from_slice(&self.background);
        let step = number % PERIOD;
        if step < IN_SIGHT {
            let left = step * (WIDTH - OBJECT) / IN_SIGHT;
            let rows = self.frame.chunks_exact_mut(WIDTH).skip(HEIGHT / 3);
            rows.take(OBJECT)
                .for_each(|row| row[left..left + OBJECT].fill(230));
        }
    }

    /// Averages the blocks and compares them with those of the frame before; how many changed.
    pub fn motion(&mut self) -> usize {
        std::mem::swap(&mut self.averages, &mut self.previous);
        let bands = self.frame.chunks_exact(WIDTH * BLOCK);
        for (band, averages) in bands.zip(self.averages.chunks_exact_mut(COLUMNS)) {
            let mut sums = [0_u16; COLUMNS];
            for row in band.chunks_exact(WIDTH) {
                for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(BLOCK)) {
                    *sum += pixels.iter().map(|&pixel| u16::from(pixel)).sum::<u16>();
                }
            }
            for (average, sum) in averages.iter_mut().zip(sums) {
                *average = (sum / PIXELS).to_le_bytes()[0];
            }
        }
        self.moved.clear();
        let pairs = self.averages.iter().zip(&self.previous).enumerate();
        let changed = pairs.filter(|(_, (now, before))| now.abs_diff(**before) > THRESHOLD);
        self.moved.extend(changed.map(|(block, _)| block));
        self.moved.len()
    }

    /// Where the object is, as the first and last moved block, in the frames in which it is worth describing.
    pub fn detect(&self) -> Option<(usize, usize)> {
        let found = (*self.moved.first()?, *self.moved.last()?);
        let worth = self.number.is_multiple_of(DESCRIBED);
        black_box(worth).then_some(found)
    }

    /// A digest of the picture, in place of a description.
    pub fn describe(&self) -> u64 {
        let words = self.frame.chunks_exact(64);
        black_box(words.fold(0xcbf2_9ce4_8422_2325, |digest: u64, pixels| {
            let sum: u64 = pixels.iter().map(|&pixel| u64::from(pixel)).sum();
            (digest ^ sum).wrapping_mul(0x100_0000_01b3)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_moves_and_goes() {
        let mut camera = Camera::new();
        camera.frame(PERIOD - 1);
        let moved = |camera: &mut Camera, number| {
            camera.capture(number);
            camera.motion()
        };
        assert!((1..IN_SIGHT).all(|number| moved(&mut camera, number) > 0));
        assert!(moved(&mut camera, IN_SIGHT) > 0, "it goes");
        assert_eq!(moved(&mut camera, IN_SIGHT + 1), 0);
        assert!(!camera.frame(IN_SIGHT + 2));
        assert!(camera.frame(PERIOD), "it comes back");
    }
}
