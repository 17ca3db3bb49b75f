//! One body that does an operation's work, with a check that it does.

use std::fmt;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

/// Iterations of the check before anything is timed.
const CHECKED: u64 = 1_000;
/// Iterations that a second thread does between two looks at whether it should stop.
const LAP: u64 = 512;
/// How often a batch is repeated in which the second thread hardly ran.
const ATTEMPTS: usize = 20;

/// What a candidate stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// tachograph.
    Ours,
    /// What nothing that does this work can be faster than, or what a target is a multiple of.
    Floor,
    /// Another crate, or the standard library.
    Rival,
}

/// Does the work so often, and says how long it took.
pub(crate) type Run<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;
type SendRun = Box<dyn FnMut(u64) -> Duration + Send>;

enum Check {
    /// How many results the body has had so far; every iteration adds one.
    Counts(Box<dyn FnMut() -> u64>),
    /// Whether what the body yields is right.
    Holds(Box<dyn FnMut() -> bool>),
}

/// One body that does an operation's work.
pub struct Candidate {
    name: &'static str,
    kind: Kind,
    /// The crate it comes from, if its version matters.
    package: Option<&'static str>,
    run: Run<'static>,
    /// What a second thread does meanwhile.
    companion: Option<SendRun>,
    check: Check,
    /// Iterations of both threads so far.
    iterations: u64,
    /// What the check had counted before the first.
    counted_before: u64,
}

/// Times `n` calls of `body`; inlined into every candidate, so that no call stands between the loop and the body.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the loop must enclose the body itself"
)]
pub(crate) fn timed(n: u64, mut body: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..n {
        body();
    }
    start.elapsed()
}

impl Candidate {
    fn with(name: &'static str, kind: Kind, run: Run<'static>, check: Check) -> Self {
        Self {
            name,
            kind,
            package: None,
            run,
            companion: None,
            check,
            iterations: 0,
            counted_before: 0,
        }
    }

    /// A body that leaves something behind with every call; `count` says how much so far.
    pub(crate) fn counting(
        name: &'static str,
        kind: Kind,
        mut body: impl FnMut() + 'static,
        count: impl FnMut() -> u64 + 'static,
    ) -> Self {
        Self::batches(name, kind, move |n| timed(n, &mut body), count)
    }

    /// Like [`Candidate::counting`], with its own loop: for what needs room made between two timed parts.
    pub(crate) fn batches(
        name: &'static str,
        kind: Kind,
        run: impl FnMut(u64) -> Duration + 'static,
        count: impl FnMut() -> u64 + 'static,
    ) -> Self {
        let check = Check::Counts(Box::new(count));
        Self::with(name, kind, Box::new(run), check)
    }

    /// A body that yields a value and leaves nothing behind.
    pub(crate) fn reading<T: 'static>(
        name: &'static str,
        kind: Kind,
        mut read: impl FnMut() -> T + Clone + 'static,
        is_right: impl Fn(T) -> bool + 'static,
    ) -> Self {
        let mut checked = read.clone();
        let run = move |n| timed(n, || _ = black_box(read()));
        let check = Check::Holds(Box::new(move || is_right(checked())));
        Self::with(name, kind, Box::new(run), check)
    }

    /// Names the crate whose version is reported.
    pub(crate) fn of(mut self, package: &'static str) -> Self {
        self.package = Some(package);
        self
    }

    /// Has a second thread do `body` while this is timed; it counts as well.
    pub(crate) fn beside(mut self, mut body: impl FnMut() + Send + 'static) -> Self {
        self.companion = Some(Box::new(move |n| timed(n, &mut body)));
        self
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it stands for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The crate it comes from.
    pub fn package(&self) -> Option<&'static str> {
        self.package
    }

    /// Does the work `n` times and says how long that took.
    pub fn run(&mut self, n: u64) -> Duration {
        let Some(companion) = &mut self.companion else {
            self.iterations += n;
            return (self.run)(n);
        };
        let (took, done) = run_beside(&mut self.run, companion, n);
        self.iterations += done;
        took
    }

    /// Does the work and looks at what came of it.
    ///
    /// # Panics
    /// The body does not do what it is said to do.
    pub fn check_first(&mut self) {
        if let Check::Counts(count) = &mut self.check {
            self.counted_before = count();
        }
        self.run(CHECKED);
        let wanted = self.iterations;
        match &mut self.check {
            Check::Counts(count) => {
                let counted = count() - self.counted_before;
                assert_eq!(counted, wanted, "{} does not do its work", self.name);
            }
            Check::Holds(holds) => assert!(soon(holds), "{} yields a wrong value", self.name),
        }
    }

    /// Looks once more, at what came of everything since.
    ///
    /// # Panics
    /// Something was lost on the way.
    pub fn check_last(&mut self) {
        match &mut self.check {
            Check::Counts(count) => {
                let counted = count() - self.counted_before;
                assert_eq!(counted, self.iterations, "{} lost some", self.name);
            }
            Check::Holds(holds) => assert!(soon(holds), "{} yields a wrong value", self.name),
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Whether it holds now or within a time in which something new is surely published.
fn soon(holds: &mut dyn FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `n` iterations while a second thread runs too; also how many the two did together. A batch in which the second
/// thread hardly ran is repeated.
fn run_beside(
    run: &mut dyn FnMut(u64) -> Duration,
    companion: &mut SendRun,
    n: u64,
) -> (Duration, u64) {
    let (laps, stop) = (AtomicU64::new(0), AtomicU64::new(0));
    let (took, batches) = thread::scope(|scope| {
        scope.spawn(|| {
            while stop.load(Relaxed) == 0 {
                companion(LAP);
                laps.fetch_add(1, Relaxed);
            }
        });
        while laps.load(Relaxed) == 0 {
            spin_loop();
        }
        let mut result = (Duration::ZERO, 0);
        for attempt in 1..=ATTEMPTS {
            let before = laps.load(Relaxed);
            result = (run(n), attempt as u64);
            if (laps.load(Relaxed) - before) * LAP >= n / 4 {
                break;
            }
        }
        stop.store(1, Relaxed);
        result
    });
    (took, batches * n + laps.load(Relaxed) * LAP)
}

/// One kind of work and all that do it.
#[derive(Debug)]
pub struct Operation {
    /// A short name, for looking it up.
    pub id: &'static str,
    /// What is done.
    pub title: &'static str,
    /// How long a timed batch takes at least.
    pub round: Duration,
    /// Who does it.
    pub candidates: Vec<Candidate>,
}

impl Operation {
    pub(crate) fn new(id: &'static str, title: &'static str, candidates: Vec<Candidate>) -> Self {
        Self {
            id,
            title,
            round: Duration::from_millis(2),
            candidates,
        }
    }
}
