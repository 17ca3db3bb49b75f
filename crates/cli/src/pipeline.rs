//! The frame loop: motion, detection, duplicates, description, event.

use std::time::Instant;

use jiff::Timestamp;
use tachograph::{Counter, Frame as Measured, Outcome, Recorder, Timer, metrics};

use crate::console::Console;
use crate::describe::{DescribeError, Describer};
use crate::detect::{Detector, Region};
use crate::events::{Event, EventLog, EventsError};
use crate::feed::{Feed, Next};
use crate::frame::Frame;
use crate::motion::Motion;
use crate::source::SourceError;
use crate::stop::Stop;
use crate::suppress::Suppressor;

/// The metrics that are the loop's own, next to the built-in ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metrics {
    /// Time to tell whether something moved.
    pub(crate) motion_detection: Timer,
    /// Time to tell whether it has been reported already.
    pub(crate) duplicate_check: Timer,
    /// Time to write the event.
    pub(crate) event_logging: Timer,
    /// Frames that the live source skipped because the loop was late.
    pub(crate) frames_dropped: Counter,
    /// Events that were logged without the description they should have had.
    pub(crate) llm_errors: Counter,
}

/// The stages and what they remember. The recorder stays outside: a frame under measurement borrows it.
pub(crate) struct Pipeline {
    pub(crate) metrics: Metrics,
    pub(crate) motion: Motion,
    pub(crate) detector: Box<dyn Detector>,
    pub(crate) suppressor: Suppressor,
    pub(crate) describer: Option<Describer>,
    pub(crate) events: EventLog,
    pub(crate) console: Console,
    /// Whether somebody wants to know how many frames are done.
    pub(crate) shows_progress: bool,
    pub(crate) stop: Stop,
    /// Frames per second of video time, above 0.
    pub(crate) fps: f64,
    /// What the current frame shows; kept for its buffer.
    pub(crate) regions: Vec<Region>,
    pub(crate) problems: Problems,
}

/// What went wrong on the way without ending the run.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// Events that could not be written.
    pub(crate) events_lost: u64,
    /// Why, the first time.
    pub(crate) first_loss: Option<EventsError>,
    /// The last warning, which is not repeated while nothing changes.
    last_warning: String,
}

impl Problems {
    fn warn(&mut self, console: &Console, problem: &dyn std::error::Error, frame: u64) {
        let problem = problem.to_string();
        if problem != self.last_warning {
            console.warn(&format_args!("frame {frame}: {problem}"));
            self.last_warning = problem;
        }
    }
}

impl Pipeline {
    /// Runs until the input ends, the deadline comes or somebody wants it to stop.
    ///
    /// An error is how the input ended; everything before it has been processed all the same.
    pub(crate) fn run(
        &mut self,
        recorder: &Recorder,
        feed: &Feed,
        deadline: Option<Instant>,
    ) -> Result<(), SourceError> {
        let (mut frames, mut dropped) = (0, 0);
        loop {
            let picture = match feed.next(&self.stop, deadline)? {
                Next::Frame(picture) => picture,
                Next::End | Next::Stopped => return Ok(()),
            };
            // Waiting for the picture is over: the frame begins here.
            let mut measured = recorder.frame();
            let outcome = self.process(recorder, &mut measured, &picture);
            measured.finish(outcome);
            feed.give_back(picture);
            frames += 1;
            if self.shows_progress {
                self.console.progress(frames);
            }
            let dropped_now = feed.dropped();
            if dropped_now > dropped {
                recorder.add(self.metrics.frames_dropped, dropped_now - dropped);
                dropped = dropped_now;
            }
        }
    }

    fn process(
        &mut self,
        recorder: &Recorder,
        measured: &mut Measured<'_>,
        picture: &Frame,
    ) -> Outcome {
        measured.stage(self.metrics.motion_detection);
        let (moved, mask) = self.motion.detect(picture);
        if !moved {
            return Outcome::Idle;
        }
        measured.motion();
        measured.stage(metrics::COREML_INFERENCE);
        let detected = self.detector.detect(picture, mask, &mut self.regions);
        if let Err(error) = detected {
            self.problems.warn(&self.console, &error, picture.number);
            return Outcome::Failed;
        }
        if self.regions.is_empty() {
            return Outcome::Motion;
        }
        measured.stage(self.metrics.duplicate_check);
        let time_s = picture.number as f64 / self.fps;
        if self.suppressor.is_duplicate(&self.regions, time_s) {
            return Outcome::Suppressed;
        }
        let description = self.describe(recorder, measured, picture);
        measured.stage(self.metrics.event_logging);
        self.log(measured, picture.number, time_s, description)
    }

    /// The description, if there is a model to give one. A failure does not lose the event.
    fn describe(
        &mut self,
        recorder: &Recorder,
        measured: &mut Measured<'_>,
        picture: &Frame,
    ) -> Option<Result<String, DescribeError>> {
        let describer = self.describer.as_mut()?;
        measured.stage(metrics::LLM_INFERENCE);
        let description = describer.describe(picture, &self.stop);
        if let Err(error) = &description
            && !matches!(error, DescribeError::Stopped)
        {
            recorder.increment(self.metrics.llm_errors);
            self.problems.warn(&self.console, error, picture.number);
        }
        Some(description)
    }

    fn log(
        &mut self,
        measured: &mut Measured<'_>,
        frame: u64,
        video_time_s: f64,
        description: Option<Result<String, DescribeError>>,
    ) -> Outcome {
        let now = Timestamp::now();
        let (description, error) = match description {
            Some(Ok(description)) => (Some(description), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, None),
        };
        let id = self.events.next_id(now);
        let logged = self.events.append(&Event {
            id,
            time: now,
            timestamp: now.as_duration().as_secs_f64(),
            frame,
            video_time_s,
            regions: &self.regions,
            description: description.as_deref(),
            description_error: error.as_deref(),
        });
        if let Err(error) = logged {
            // Not remembered, so the next frame tries again: an event that nobody was told of is not a duplicate.
            self.problems.warn(&self.console, &error, frame);
            self.problems.events_lost += 1;
            self.problems.first_loss.get_or_insert(error);
            return Outcome::Failed;
        }
        measured.event_id(id);
        self.suppressor.remember(&self.regions, video_time_s);
        Outcome::Event
    }
}
