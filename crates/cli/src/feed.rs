//! The thread that opens the input, reads ahead and keeps the pace.
//!
//! Reading has a thread of its own for two reasons: decoding then overlaps with the frame loop on another core, and a pipe
//! to which nobody writes blocks this thread alone, so that a signal still ends the run.
//!
//! Frames go round in a circle: the loop hands in empty ones and takes full ones out, so nothing is allocated on the
//! way and at most [`BUFFERS`] frames are ever underway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender, select};

use crate::frame::Frame;
use crate::source::{Format, Input, Source, SourceError};
use crate::stop::Stop;

/// Frames in the circle.
const BUFFERS: usize = 4;
/// A live source that is this late passes over the frames it has missed.
const TOO_LATE: Duration = Duration::from_secs(1);

/// How fast frames are delivered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// As fast as they can be read; a live source at its own rate.
    Free,
    /// At the rate of the input.
    Realtime,
    /// At this many frames per second.
    Fps(f64),
}

/// What comes out of [`Feed::next`].
pub(crate) enum Next {
    /// The next frame. It must be given back with [`Feed::give_back`].
    Frame(Frame),
    /// The clean end of the input.
    End,
    /// The end of the run: a signal, or the time is over.
    Stopped,
}

enum Message {
    Opened(Format),
    Frame(Frame),
    End,
    Failed(SourceError),
}

/// The consumer's end. Dropping it ends the thread as soon as it is not blocked in a read.
pub(crate) struct Feed {
    name: String,
    full: Receiver<Message>,
    empty: Sender<Frame>,
    dropped: Arc<AtomicU64>,
    /// Disconnects when the feed is dropped, which wakes a thread that waits for its next frame to be due.
    _quit: Sender<()>,
}

impl Feed {
    /// Starts the thread. It opens the input at once; frames come only after [`begin`](Self::begin), and, where they are
    /// paced, only those due within `limit` from then on.
    pub(crate) fn start(
        input: Input,
        pace: Pace,
        limit: Option<Duration>,
    ) -> Result<Self, SourceError> {
        let name = input.name();
        let (message, full) = channel::bounded(BUFFERS);
        let (empty, empties) = channel::bounded(BUFFERS);
        let (quit, quitting) = channel::bounded(0);
        let dropped = Arc::new(AtomicU64::new(0));
        let reader = Reader {
            pace,
            limit,
            message,
            empties,
            quitting,
            dropped: Arc::clone(&dropped),
        };
        thread::Builder::new()
            .name("tacho-reader".to_owned())
            .spawn(move || reader.run(&input))
            .map_err(|_| SourceError::Thread(name.clone()))?;
        Ok(Self {
            name,
            full,
            empty,
            dropped,
            _quit: quit,
        })
    }

    /// Waits until the input is open; `None` when the run ended before.
    pub(crate) fn format(
        &self,
        stop: &Stop,
        deadline: Option<Instant>,
    ) -> Result<Option<Format>, SourceError> {
        match self.receive(stop, deadline)? {
            Some(Message::Opened(format)) => Ok(Some(format)),
            Some(Message::Failed(error)) => Err(error),
            Some(Message::Frame(_) | Message::End) => Err(SourceError::Thread(self.name.clone())),
            None => Ok(None),
        }
    }

    /// Sets the frames going; the clock of a paced input starts here.
    pub(crate) fn begin(&self) {
        for _ in 0..BUFFERS {
            self.give_back(Frame::empty());
        }
    }

    /// Waits for the next frame, for a signal or for the deadline, whichever is first.
    pub(crate) fn next(&self, stop: &Stop, deadline: Option<Instant>) -> Result<Next, SourceError> {
        match self.receive(stop, deadline)? {
            Some(Message::Frame(frame)) => Ok(Next::Frame(frame)),
            Some(Message::End) => Ok(Next::End),
            Some(Message::Failed(error)) => Err(error),
            Some(Message::Opened(_)) => Err(SourceError::Thread(self.name.clone())),
            None => Ok(Next::Stopped),
        }
    }

    /// Returns a frame's buffers to be filled again.
    pub(crate) fn give_back(&self, frame: Frame) {
        // There are as many places as frames; and when the thread is gone nobody needs the buffers.
        let _ = self.empty.try_send(frame);
    }

    /// How many frames a live source has passed over because the loop was late.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn receive(
        &self,
        stop: &Stop,
        deadline: Option<Instant>,
    ) -> Result<Option<Message>, SourceError> {
        // With frames always waiting, `select!` might pick them over the signal for a while: look first.
        if stop.is_requested() || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(None);
        }
        let over = deadline.map_or_else(channel::never, channel::at);
        select! {
            recv(self.full) -> message => {
                message.map(Some).map_err(|_| SourceError::Thread(self.name.clone()))
            }
            recv(stop.wake()) -> _ => Ok(None),
            recv(over) -> _ => Ok(None),
        }
    }
}

/// The thread's end.
struct Reader {
    pace: Pace,
    limit: Option<Duration>,
    message: Sender<Message>,
    empties: Receiver<Frame>,
    quitting: Receiver<()>,
    dropped: Arc<AtomicU64>,
}

impl Reader {
    fn run(self, input: &Input) {
        let last = match input.open() {
            Ok(mut source) => self.deliver(source.as_mut()),
            Err(error) => Some(Message::Failed(error)),
        };
        if let Some(message) = last {
            // Nobody listens any more when the run is over; that is fine.
            let _ = self.message.send(message);
        }
    }

    /// Sends frames until the input ends, which is the message returned, or until nobody wants them, which is `None`.
    fn deliver(&self, source: &mut dyn Source) -> Option<Message> {
        let format = source.format();
        self.message.send(Message::Opened(format)).ok()?;
        let mut timetable = self.timetable(&format);
        loop {
            let mut frame = self.empties.recv().ok()?;
            if let Some(timetable) = &mut timetable
                && !self.wait(timetable, source)
            {
                return None;
            }
            match source.read(&mut frame) {
                Ok(true) => self.message.send(Message::Frame(frame)).ok()?,
                Ok(false) => return Some(Message::End),
                Err(error) => return Some(Message::Failed(error)),
            }
        }
    }

    fn timetable(&self, format: &Format) -> Option<Timetable> {
        let fps = match self.pace {
            Pace::Fps(fps) => fps,
            Pace::Free if !format.live => return None,
            Pace::Free | Pace::Realtime => format.fps,
        };
        Some(Timetable {
            start: None,
            fps,
            next: 0,
            live: format.live,
        })
    }

    /// Waits until the next frame is due; false when it will not be wanted.
    fn wait(&self, timetable: &mut Timetable, source: &mut dyn Source) -> bool {
        let skipped = timetable.skip_missed(Instant::now());
        if skipped > 0 {
            source.skip(skipped);
            self.dropped.fetch_add(skipped, Ordering::Relaxed);
        }
        let (due, deadline) = timetable.advance();
        if self.limit.is_some_and(|limit| due >= limit) {
            // The consumer ends the run when the time is over; until then there is nothing more to send.
            let _ = self.quitting.recv();
            return false;
        }
        self.quitting.recv_deadline(deadline) == Err(RecvTimeoutError::Timeout)
    }
}

/// When frames are due: at `start + n / fps`, each computed from the start, so that delays do not add up.
struct Timetable {
    /// When frame 0 was due; set by the first use.
    start: Option<Instant>,
    fps: f64,
    next: u64,
    live: bool,
}

impl Timetable {
    /// How many frames of a live source are lost at `now`; they are passed over.
    fn skip_missed(&mut self, now: Instant) -> u64 {
        let start = *self.start.get_or_insert(now);
        let elapsed = now.saturating_duration_since(start);
        if !self.live || elapsed.saturating_sub(self.due(self.next)) <= TOO_LATE {
            return 0;
        }
        let first_not_missed = (elapsed.as_secs_f64() * self.fps).floor();
        // The rate is at most some thousands: a float holds the frames of any run exactly.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let skipped = (first_not_missed as u64).saturating_sub(self.next);
        self.next += skipped;
        skipped
    }

    /// When the next frame is due, from the start and as an instant; goes on to the one after it.
    fn advance(&mut self) -> (Duration, Instant) {
        let due = self.due(self.next);
        self.next += 1;
        let start = *self.start.get_or_insert_with(Instant::now);
        (due, start.checked_add(due).unwrap_or(start))
    }

    fn due(&self, frame: u64) -> Duration {
        Duration::try_from_secs_f64(frame as f64 / self.fps).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timetable(fps: f64, live: bool) -> Timetable {
        Timetable {
            start: None,
            fps,
            next: 0,
            live,
        }
    }

    fn camera(fps: f64) -> Input {
        Input::Synthetic { seed: 1, fps }
    }

    #[test]
    fn due_times_do_not_drift() {
        let mut timetable = timetable(30.0, false);
        for _ in 0..300 {
            timetable.advance();
        }
        assert_eq!(timetable.advance().0, Duration::from_secs(10));
    }

    #[test]
    fn a_live_source_skips_what_it_missed_and_a_file_does_not() {
        let start = Instant::now();
        for live in [true, false] {
            let mut timetable = timetable(10.0, live);
            assert_eq!(timetable.skip_missed(start), 0);
            timetable.advance();
            let late = start + Duration::from_millis(1050);
            assert_eq!(timetable.skip_missed(late), 0, "a second late is tolerated");
            let late = start + Duration::from_millis(5050);
            let expected = if live { 49 } else { 0 };
            assert_eq!(timetable.skip_missed(late), expected);
            assert_eq!(timetable.skip_missed(late), 0);
        }
    }

    #[test]
    fn a_paced_run_has_exactly_its_frames() {
        let limit = Duration::from_millis(300);
        let feed = Feed::start(camera(100.0), Pace::Free, Some(limit)).expect("a thread");
        let (stop, _request) = Stop::new();
        assert!(feed.format(&stop, None).expect("open").is_some());
        feed.begin();
        let begun = Instant::now();
        let mut frames = 0;
        while let Next::Frame(frame) = feed.next(&stop, Some(begun + limit)).expect("no error") {
            assert_eq!(frame.number, frames);
            frames += 1;
            feed.give_back(frame);
        }
        assert_eq!(frames + feed.dropped(), 30);
        assert!(begun.elapsed() >= limit);
    }

    #[test]
    fn a_stop_is_seen_at_once() {
        let feed = Feed::start(camera(0.1), Pace::Free, None).expect("a thread");
        let (stop, request) = Stop::new();
        assert!(feed.format(&stop, None).expect("open").is_some());
        feed.begin();
        assert!(matches!(feed.next(&stop, None), Ok(Next::Frame(_))));
        let begun = Instant::now();
        let requester = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            request();
        });
        assert!(matches!(feed.next(&stop, None), Ok(Next::Stopped)));
        assert!(begun.elapsed() < Duration::from_secs(2));
        requester.join().expect("no panic");
    }

    #[test]
    fn an_input_that_cannot_be_opened_says_so() {
        let input = Input::File {
            path: "does/not/exist.y4m".into(),
            fallback_fps: 25.0,
        };
        let feed = Feed::start(input, Pace::Free, None).expect("a thread");
        let (stop, _request) = Stop::new();
        let error = feed.format(&stop, None).expect_err("missing").to_string();
        assert!(error.contains("does/not/exist.y4m"), "{error}");
    }
}
