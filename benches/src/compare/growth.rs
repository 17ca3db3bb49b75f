//! How the cost of a reduction grows with lanes, timers and new samples.

use std::time::{Duration, Instant};

use crate::compare::measure::{Plan, Spread};
use crate::fixture::Lanes;

const LANES: [usize; 4] = [1, 4, 16, 64];
const TIMERS: [usize; 3] = [3, 8, 32];
/// New samples in each timer of each lane.
pub(crate) const NEW: usize = 1000;
/// A reduction of many new samples takes up to a tenth of a second: fewer rounds do.
const FEWER: usize = 3;
/// How long a batch of idle reductions takes at least.
const ROUND: Duration = Duration::from_millis(2);

/// What was measured of one size.
#[derive(Clone, Copy, Debug)]
pub struct GrowthPoint {
    /// Lanes, one per recording thread.
    pub lanes: usize,
    /// Timers in each.
    pub timers: usize,
    /// Nanoseconds of a reduction that finds nothing new.
    pub idle: Spread,
    /// Nanoseconds more, per sample, of one that finds 1000 new samples in every timer of every lane.
    pub per_sample: Spread,
}

/// What was measured of all sizes, the smallest first.
#[derive(Clone, Debug)]
pub struct Growth {
    /// One per number of lanes and of timers.
    pub points: Vec<GrowthPoint>,
}

impl Growth {
    /// The point of this size.
    pub fn at(&self, lanes: usize, timers: usize) -> Option<&GrowthPoint> {
        self.points
            .iter()
            .find(|point| (point.lanes, point.timers) == (lanes, timers))
    }
}

struct Bench {
    lanes: usize,
    timers: usize,
    fixture: Lanes,
    idle: Vec<f64>,
    busy: Vec<f64>,
}

impl Bench {
    fn new(lanes: usize, timers: usize) -> Self {
        Self {
            lanes,
            timers,
            fixture: Lanes::new(lanes, timers),
            idle: Vec::new(),
            busy: Vec::new(),
        }
    }

    /// Samples of one filling.
    fn samples(&self) -> usize {
        self.lanes * self.timers * NEW
    }

    fn idle_round(&mut self, round: Duration) {
        let before = self.fixture.reduce();
        let start = Instant::now();
        let mut reductions = 0;
        let took = loop {
            // Eight at a time, so that reading the clock does not show.
            (0..8).for_each(|_| _ = self.fixture.reduce());
            reductions += 8;
            let took = start.elapsed();
            if took >= round {
                break took;
            }
        };
        assert_eq!(self.fixture.reduce(), before, "nothing was recorded");
        self.idle
            .push(took.as_secs_f64() * 1e9 / f64::from(reductions));
    }

    fn busy_round(&mut self) {
        // Once without timing, so that it finds its caches as a reduction of the same registry left them.
        self.fixture.fill(NEW);
        let before = self.fixture.reduce();
        self.fixture.fill(NEW);
        let start = Instant::now();
        let after = self.fixture.reduce();
        self.busy.push(start.elapsed().as_secs_f64() * 1e9);
        assert_eq!(after - before, self.samples() as u64, "all are taken in");
    }

    fn point(&self) -> GrowthPoint {
        let idle = Spread::of(self.idle.clone());
        let samples = self.samples() as f64;
        let more = self.busy.iter().map(|busy| (busy - idle.median) / samples);
        GrowthPoint {
            lanes: self.lanes,
            timers: self.timers,
            idle,
            per_sample: Spread::of(more.collect()),
        }
    }
}

/// Measures reductions of all sizes in interleaved rounds.
///
/// # Panics
/// A reduction loses samples.
pub fn measure_growth(plan: Plan) -> Growth {
    let sizes = LANES
        .iter()
        .flat_map(|&lanes| TIMERS.iter().map(move |&timers| (lanes, timers)));
    let mut benches: Vec<Bench> = sizes
        .map(|(lanes, timers)| Bench::new(lanes, timers))
        .collect();
    for round in 0..plan.rounds {
        for bench in &mut benches {
            bench.idle_round(ROUND / plan.haste);
            if round % FEWER == 0 {
                bench.busy_round();
            }
        }
    }
    Growth {
        points: benches.iter().map(Bench::point).collect(),
    }
}
