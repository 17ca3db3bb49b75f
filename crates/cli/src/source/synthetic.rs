//! The built-in camera: a noisy yard in which things come and go.
//!
//! A picture depends on the seed and the frame's number alone, so a run can be repeated, and frames can be skipped as a
//! real camera skips them. The yard goes through a cycle of 10 seconds at 30 frames per second:
//!
//! | frames    | what happens                                                    | what the loop should make of it |
//! |-----------|-----------------------------------------------------------------|---------------------------------|
//! | 0..30     | nothing (at the start: the background is learnt)                | idle                            |
//! | 30..90    | something crosses                                               | an event, then repeats of it    |
//! | 90..120   | nothing                                                         | idle                            |
//! | 120..140  | leaves flicker, each too small to matter                        | motion                          |
//! | 140..170  | nothing                                                         | idle                            |
//! | 170..230  | something else crosses, while a third thing stands and shivers  | an event or two, repeats        |
//! | 230..300  | nothing, but for the shivering thing's return from 250 to 270   | idle, suppressed                |

use super::{Format, Source, SourceError};
use crate::frame::{Frame, Subsampling};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
/// The same as coordinates: things may lie partly outside the picture.
const RIGHT: i32 = 640;
const BOTTOM: i32 = 360;
/// Frames until the yard repeats itself with other paths, shapes and colours.
const CYCLE: u64 = 300;
/// Bytes of noise that are made once; each row of a picture starts somewhere else in them.
const NOISE: usize = 1 << 16;
/// The noise's amplitude in steps of luma, to both sides.
const AMPLITUDE: u64 = 6;

/// The camera; 640x360, 4:2:0, limited range.
pub(crate) struct Synthetic {
    seed: u64,
    fps: f64,
    next: u64,
    background: Frame,
    /// Offsets of -6..=6 in two's complement, for a wrapping addition.
    noise: Vec<u8>,
}

impl Synthetic {
    /// A camera that delivers `fps` frames per second; the seed decides what is seen where.
    pub(crate) fn new(seed: u64, fps: f64) -> Self {
        let mut random = Random(seed);
        let noise = (0..NOISE)
            .map(|_| {
                let up = byte(random.below(2 * AMPLITUDE + 1));
                up.wrapping_sub(byte(AMPLITUDE))
            })
            .collect();
        Self {
            seed,
            fps,
            next: 0,
            background: background(),
            noise,
        }
    }

    fn draw_background(&self, frame: &mut Frame) {
        frame.resize(WIDTH, HEIGHT, Subsampling::Yuv420);
        frame.cb.copy_from_slice(&self.background.cb);
        frame.cr.copy_from_slice(&self.background.cr);
        let mut random = Random(self.seed ^ self.next.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let rows = frame
            .luma
            .chunks_exact_mut(WIDTH)
            .zip(self.background.luma.chunks_exact(WIDTH));
        for (row, still) in rows {
            let start = index(random.below((NOISE - WIDTH) as u64));
            let noise = self.noise.get(start..).unwrap_or_default();
            for ((pixel, &base), &offset) in row.iter_mut().zip(still).zip(noise) {
                *pixel = base.wrapping_add(offset);
            }
        }
    }

    fn draw_objects(&self, frame: &mut Frame) {
        let cycle = self.next / CYCLE;
        let at = i32::try_from(self.next % CYCLE).unwrap_or(0);
        // A generator of its own for each thing: whether one is seen must not move another.
        let random = |thing: u64| Random(self.seed ^ (cycle * 8 + thing).wrapping_mul(0x9E37_79B9));
        if (30..90).contains(&at) {
            crossing(&mut random(1), at - 30, 60).draw(frame);
        }
        if (120..140).contains(&at) {
            draw_leaves(&mut random(2), at, frame);
        }
        if (170..230).contains(&at) {
            crossing(&mut random(3), at - 170, 60).draw(frame);
        }
        if (170..230).contains(&at) || (250..270).contains(&at) {
            shivering(&mut random(4), at).draw(frame);
        }
    }
}

impl Source for Synthetic {
    fn format(&self) -> Format {
        Format {
            width: WIDTH,
            height: HEIGHT,
            fps: self.fps,
            frames: None,
            live: true,
        }
    }

    fn read(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        self.draw_background(frame);
        self.draw_objects(frame);
        frame.full_range = false;
        frame.number = self.next;
        self.next += 1;
        Ok(true)
    }

    fn skip(&mut self, frames: u64) {
        self.next += frames;
    }
}

/// A sky, a lawn and a wall, bright and dark enough that the noise cannot wrap around.
fn background() -> Frame {
    let mut frame = Frame::empty();
    frame.resize(WIDTH, HEIGHT, Subsampling::Yuv420);
    for (y, row) in frame.luma.chunks_exact_mut(WIDTH).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            let shade = if is_wall(x, y) {
                140 + (x / 20 + y / 10) % 2 * 12
            } else if y < HEIGHT / 2 {
                190 - y / 6
            } else {
                70 + y / 12 + x / 32
            };
            *pixel = byte(shade as u64);
        }
    }
    for (at, (cb, cr)) in frame.cb.iter_mut().zip(&mut frame.cr).enumerate() {
        let (x, y) = (at % (WIDTH / 2) * 2, at / (WIDTH / 2) * 2);
        (*cb, *cr) = if is_wall(x, y) {
            (118, 140)
        } else if y < HEIGHT / 2 {
            (142, 118)
        } else {
            (108, 116)
        };
    }
    frame
}

fn is_wall(x: usize, y: usize) -> bool {
    (400..560).contains(&x) && (120..260).contains(&y)
}

/// A filled rectangle in pixels; what lies outside the picture is not drawn.
struct Patch {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    luma: u8,
    cb: u8,
    cr: u8,
}

impl Patch {
    fn draw(&self, frame: &mut Frame) {
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        let across = clip(self.x, right, WIDTH);
        let down = clip(self.y, bottom, HEIGHT);
        fill(&mut frame.luma, WIDTH, across, down, self.luma);
        let across = clip(self.x / 2, right / 2, WIDTH / 2);
        let down = clip(self.y / 2, bottom / 2, HEIGHT / 2);
        fill(&mut frame.cb, WIDTH / 2, across, down, self.cb);
        fill(&mut frame.cr, WIDTH / 2, across, down, self.cr);
    }
}

/// The part of `from..to` that lies inside `0..size`, as a start and a length.
fn clip(from: i32, to: i32, size: usize) -> (usize, usize) {
    let inside = |at: i32| usize::try_from(at).unwrap_or(0).min(size);
    (inside(from), inside(to) - inside(from).min(inside(to)))
}

fn fill(plane: &mut [u8], stride: usize, across: (usize, usize), down: (usize, usize), value: u8) {
    for row in plane.chunks_exact_mut(stride).skip(down.0).take(down.1) {
        for pixel in row.iter_mut().skip(across.0).take(across.1) {
            *pixel = value;
        }
    }
}

/// Something that crosses the picture in `frames` frames, `at` frames after it came in.
fn crossing(random: &mut Random, at: i32, frames: i32) -> Patch {
    let (width, height) = (30 + random.coordinate(50), 40 + random.coordinate(60));
    let y = random.coordinate(BOTTOM) * 2 / 3 + 20;
    let travelled = (RIGHT + 2 * width) * at / frames;
    let to_the_left = random.below(2) == 0;
    Patch {
        x: if to_the_left {
            RIGHT + width - travelled
        } else {
            travelled - 2 * width
        },
        y,
        width,
        height,
        luma: if random.below(2) == 0 { 30 } else { 225 },
        cb: byte(60 + random.below(136)),
        cr: byte(60 + random.below(136)),
    }
}

/// Something that stays where it is and moves a little.
fn shivering(random: &mut Random, at: i32) -> Patch {
    let x = 40 + random.coordinate(RIGHT - 160);
    let y = 20 + random.coordinate(BOTTOM / 4);
    Patch {
        x: x + at % 4,
        y,
        width: 48,
        height: 56,
        luma: if random.below(2) == 0 { 24 } else { 230 },
        cb: byte(60 + random.below(136)),
        cr: byte(60 + random.below(136)),
    }
}

/// Leaves: spots of 8x8 pixels all over the picture, half of which are lit at any time.
fn draw_leaves(random: &mut Random, at: i32, frame: &mut Frame) {
    for leaf in 0..24 {
        let (column, row) = (leaf % 6, leaf / 6);
        let lit = (leaf + at / 3) % 2 == 0;
        let patch = Patch {
            x: column * 106 + 20 + random.coordinate(60),
            y: row * 90 + 10 + random.coordinate(50),
            width: 8,
            height: 8,
            luma: 235,
            cb: 110,
            cr: 120,
        };
        if lit {
            patch.draw(frame);
        }
    }
}

/// The lowest byte; callers stay below 256.
fn byte(value: u64) -> u8 {
    u8::try_from(value & 0xFF).unwrap_or(u8::MAX)
}

fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// `SplitMix64`: small, fast, and good enough for leaves.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..limit`; `limit` is at least 1. The tiny bias does not matter here.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// The same as a coordinate.
    fn coordinate(&mut self, limit: i32) -> i32 {
        let limit = u64::from(limit.unsigned_abs().max(1));
        i32::try_from(self.below(limit)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seed: u64, number: u64) -> Frame {
        let mut camera = Synthetic::new(seed, 30.0);
        camera.skip(number);
        let mut frame = Frame::empty();
        assert!(camera.read(&mut frame).expect("a camera never ends"));
        frame
    }

    fn changed(a: &Frame, b: &Frame) -> usize {
        let far = |(a, b): (&u8, &u8)| a.abs_diff(*b) > 2 * 6;
        a.luma.iter().zip(&b.luma).filter(|&pair| far(pair)).count()
    }

    #[test]
    fn a_frame_depends_on_seed_and_number_alone() {
        let mut camera = Synthetic::new(7, 30.0);
        let mut last = Frame::empty();
        for _ in 0..=45 {
            assert!(camera.read(&mut last).expect("a camera never ends"));
        }
        assert_eq!(last, frame(7, 45));
        assert_ne!(last.luma, frame(8, 45).luma);
        assert_eq!(last.number, 45);
    }

    #[test]
    fn idle_phases_hold_noise_only_and_things_are_large() {
        for seed in 0..20 {
            let still = frame(seed, 5);
            assert_eq!(changed(&still, &frame(seed, 100)), 0, "seed {seed}");
            assert!(changed(&still, &frame(seed, 60)) > 500, "seed {seed}");
            assert!(changed(&still, &frame(seed, 200)) > 500, "seed {seed}");
        }
    }

    #[test]
    fn every_cycle_looks_different() {
        assert!(changed(&frame(1, 60), &frame(1, 360)) > 500);
    }
}
