//! The camera and its loop.

use std::error::Error;
use std::f64::consts::TAU;
use std::time::Duration;

use tachograph::{
    Counter, Frame, MetricsCollector, Outcome, Recorder, Timer, VirtualTime, metrics,
};

use crate::Args;
use crate::machine::{Chance, Machine, Usage};

/// How often the collector is polled: often enough to see a stall, seldom enough for a month to be written soon.
const POLL: Duration = Duration::from_secs(5);
/// When it is first started: at eight in the morning.
const MORNING: Duration = Duration::from_hours(8);
const MINUTE: Duration = Duration::from_mins(1);

/// One run of the service.
struct Service {
    time: VirtualTime,
    collector: MetricsCollector,
    recorder: Recorder,
    motion_detection: Timer,
    duplicate_check: Timer,
    event_logging: Timer,
    frames_dropped: Counter,
    llm_errors: Counter,
}

/// The loop's state over all runs.
struct Camera<'a> {
    args: &'a Args,
    chance: Chance,
    usage: Usage,
    /// Virtual time since the beginning.
    now: Duration,
    polled: Duration,
    events: u64,
}

/// Runs the camera for as long as it should.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let time = VirtualTime::new();
    time.advance(MORNING);
    let mut camera = Camera {
        args,
        chance: Chance::new(args.seed),
        usage: Usage::default(),
        now: Duration::ZERO,
        polled: Duration::ZERO,
        events: 0,
    };
    let all = MINUTE * u32::try_from(args.minutes)?;
    let (stall, death) = (all / 3, all * 2 / 3);
    let service = Service::start(args, &time, &camera.usage)?;
    camera.watch_until(&service, stall);
    // So long that it counts, and not so long that nothing else does.
    camera.hang(
        &service,
        (all / 2000).clamp(Duration::from_secs(45), 10 * MINUTE),
    );
    camera.watch_until(&service, death);
    // Nobody shuts it down: it dies between two lines.
    drop(service);
    camera.pass(
        &time,
        (all / 500).clamp(Duration::from_secs(90), 120 * MINUTE),
    );
    let service = Service::start(args, &time, &camera.usage)?;
    camera.watch_until(&service, all);
    service.collector.shutdown()?;
    Ok(())
}

impl Service {
    fn start(args: &Args, time: &VirtualTime, usage: &Usage) -> Result<Self, Box<dyn Error>> {
        let config = tachograph::Config {
            log_path: args.out.clone(),
            rotate_bytes: args.rotate_bytes,
            rotate_files: 1000,
            ..Default::default()
        };
        let mut builder = MetricsCollector::builder()
            .config(config)
            .quiet()
            .time_source(time.clone())
            .probe(Machine::new(args.seed, usage.clone()));
        let motion_detection = builder.timer("motion_detection")?;
        let duplicate_check = builder.timer("duplicate_check")?;
        let event_logging = builder.timer("event_logging")?;
        let frames_dropped = builder.counter("frames_dropped")?;
        let llm_errors = builder.counter("llm_errors")?;
        let collector = builder.build()?;
        Ok(Self {
            time: time.clone(),
            recorder: collector.recorder(),
            collector,
            motion_detection,
            duplicate_check,
            event_logging,
            frames_dropped,
            llm_errors,
        })
    }
}

impl Camera<'_> {
    fn watch_until(&mut self, service: &Service, end: Duration) {
        let period = Duration::from_secs(1) / u32::try_from(self.args.fps).unwrap_or(1);
        while self.now < end {
            let begun = self.now;
            let mut frame = service.recorder.frame();
            let outcome = self.process(service, &mut frame);
            frame.finish(outcome);
            let mut left = period;
            let took = self.now.saturating_sub(begun);
            if took > period {
                // The pictures that came meanwhile are gone.
                let missed = took.as_nanos() / period.as_nanos();
                let missed = u64::try_from(missed).unwrap_or(u64::MAX);
                service.recorder.add(service.frames_dropped, missed);
                left += period * u32::try_from(missed).unwrap_or(1);
            }
            self.wait(service, left.saturating_sub(took));
        }
    }

    /// Lets a frame hang in the language model.
    fn hang(&mut self, service: &Service, long: Duration) {
        let mut frame = service.recorder.frame();
        frame.motion();
        frame.stage(metrics::LLM_INFERENCE);
        let end = self.now + long;
        while self.now < end {
            self.wait(service, POLL);
        }
        service.recorder.increment(service.llm_errors);
        frame.finish(Outcome::Failed);
    }

    fn process(&mut self, service: &Service, frame: &mut Frame<'_>) -> Outcome {
        let slower = self.args.slower;
        self.stage(service, frame, service.motion_detection, (2.9, 0.15));
        // Between a fiftieth of the frames at three in the night and a quarter of them at three in the afternoon.
        let hours = (self.now + MORNING).as_secs_f64() / 3600.0;
        let light = 0.5 - 0.5 * ((hours - 3.0) / 24.0 * TAU).cos();
        if !self.chance.happens(0.02 + 0.23 * light * light) {
            return Outcome::Idle;
        }
        frame.motion();
        self.stage(
            service,
            frame,
            metrics::COREML_INFERENCE,
            (38.0 * slower, 0.3),
        );
        if self.chance.happens(0.002) {
            return Outcome::Failed;
        }
        if self.chance.happens(0.35) {
            return Outcome::Motion;
        }
        self.stage(service, frame, service.duplicate_check, (0.2, 0.3));
        if self.chance.happens(0.9) {
            return Outcome::Suppressed;
        }
        self.stage(
            service,
            frame,
            metrics::LLM_INFERENCE,
            (1900.0 * slower, 0.22),
        );
        if self.chance.happens(0.01) {
            service.recorder.increment(service.llm_errors);
        }
        self.stage(service, frame, service.event_logging, (0.6, 0.4));
        frame.event_id(self.events);
        self.events += 1;
        Outcome::Event
    }

    /// Runs a stage that takes some time of a median, in ms, and a spread.
    fn stage(
        &mut self,
        service: &Service,
        frame: &mut Frame<'_>,
        timer: Timer,
        (median, spread): (f64, f64),
    ) {
        frame.stage(timer);
        let took = self.chance.time(median, spread);
        // The model runs elsewhere.
        if timer != metrics::LLM_INFERENCE {
            self.usage.add(took);
        }
        self.wait(service, took);
    }

    /// Lets time pass, with the collector's work done in it.
    fn wait(&mut self, service: &Service, long: Duration) {
        self.pass(&service.time, long);
        if self.now.saturating_sub(self.polled) >= POLL {
            self.polled = self.now;
            service.collector.poll();
        }
    }

    fn pass(&mut self, time: &VirtualTime, long: Duration) {
        time.advance(long);
        self.now += long;
    }
}
