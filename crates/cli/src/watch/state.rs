//! What the dashboard shows, and how keys and news change it. No input or output here.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use hdrhistogram::Histogram;
use tachograph::{BUILT_IN_TIMERS, Evaluation, MetricsSnapshot, Targets, TimerStats};

use super::follow::Look;
use super::history::{History, KEPT};
use super::intervals::Merged;
use super::picture::{Pace, Picture};
use super::text::clean;
use super::theme::Theme;

/// Timers that are listed at most.
const MAX_TIMERS: usize = 256;

/// What fills the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// A bit of everything.
    Overview,
    /// The selected stage's histogram.
    Histogram,
    /// The slowest frames with their stages.
    Frames,
    /// Targets, counters, and statistics since the start.
    Numbers,
}

impl View {
    /// In the order of their keys.
    pub(crate) const ALL: [Self; 4] =
        [Self::Overview, Self::Histogram, Self::Frames, Self::Numbers];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Histogram => "histogram",
            Self::Frames => "frames",
            Self::Numbers => "numbers",
        }
    }

    fn moved(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        let next = Self::ALL.iter().cycle().nth(at + by);
        next.copied().unwrap_or(self)
    }
}

/// What the sparklines span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cadence {
    Seconds,
    Lines,
}

/// What a key asks for beyond a new picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing.
    None,
    /// To be drawn anew.
    Draw,
    /// To be drawn anew from nothing, because something else wrote on the terminal.
    Redraw,
    /// To go.
    Quit,
    /// To be stopped until the shell calls it back.
    Suspend,
}

/// A picture that was frozen.
struct Frozen {
    picture: Picture,
    at: f64,
}

/// All of it.
pub(crate) struct State {
    /// The log, as it is named on the screen.
    pub(crate) log: String,
    pub(crate) targets: Targets,
    pub(crate) theme: Theme,
    picture: Picture,
    frozen: Option<Frozen>,
    pub(crate) view: View,
    /// The selected stage, by its name, so that it stays selected whatever comes.
    selected: String,
    /// The first of the rows that the views with more of them than fit show.
    pub(crate) frame: usize,
    pub(crate) scroll: usize,
    /// What the sparklines span, if somebody chose.
    cadence: Option<Cadence>,
    pub(crate) help: bool,
    /// Whether the end was asked for and is being waited for.
    pub(crate) ending: bool,
    /// The newest warning of the loop in this process, and how many there were.
    pub(crate) warning: Option<(u64, String)>,
    merged: Merged,
}

impl State {
    /// Nothing is known yet of the log named `log`.
    pub(crate) fn new(log: &str, targets: Targets, theme: Theme) -> Self {
        Self {
            log: clean(log),
            targets,
            theme,
            picture: Picture::new(),
            frozen: None,
            view: View::Overview,
            selected: BUILT_IN_TIMERS
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned(),
            frame: 0,
            scroll: 0,
            cadence: None,
            help: false,
            ending: false,
            warning: None,
            merged: Merged::new(),
        }
    }

    /// What is shown: the newest picture or the frozen one.
    pub(crate) fn picture(&self) -> &Picture {
        self.frozen.as_ref().map_or(&self.picture, |it| &it.picture)
    }

    /// What has been told while the picture may be frozen.
    pub(crate) fn newest(&self) -> &Picture {
        &self.picture
    }

    /// The moment that is shown, if `now` is now.
    pub(crate) fn moment(&self, now: f64) -> f64 {
        self.frozen.as_ref().map_or(now, |frozen| frozen.at)
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Takes in what a look has found; whether that changes what is shown.
    pub(crate) fn update(&mut self, look: Look, now: f64, wall: f64) -> bool {
        let changed = self.picture.update(look, now, wall);
        if changed && self.frozen.is_none() {
            self.refresh();
        }
        changed
    }

    /// The stages in the order of their rows: built-in ones, outcomes that there were, the others by name.
    pub(crate) fn timers<'a>(
        &self,
        snapshot: &'a MetricsSnapshot,
    ) -> Vec<(&'a str, &'a TimerStats)> {
        let is_outcome = |name: &str| BUILT_IN_TIMERS.iter().skip(3).any(|it| *it == name);
        let has_target = |name: &str| self.targets.iter().any(|it| it.metric == name);
        snapshot
            .timers()
            .filter(|(name, stats)| stats.count > 0 || !is_outcome(name) || has_target(name))
            .take(MAX_TIMERS)
            .collect()
    }

    /// The place of the selected stage among these.
    pub(crate) fn selected(&self, timers: &[(&str, &TimerStats)]) -> usize {
        let place = timers.iter().position(|(name, _)| *name == self.selected);
        place.unwrap_or(0)
    }

    /// How the targets of a timer stand, the worst first.
    pub(crate) fn judged<'e, 'a>(
        evaluations: &'e [Evaluation<'a>],
        metric: &str,
    ) -> Vec<&'e Evaluation<'a>> {
        let mut judged: Vec<_> = evaluations
            .iter()
            .filter(|it| it.target.metric == metric)
            .collect();
        judged.sort_by_key(|it| std::cmp::Reverse(it.verdict));
        judged
    }

    /// What the sparklines span at `now`, and the points that they are made of.
    pub(crate) fn history(&self, now: f64) -> (Cadence, &History) {
        let picture = self.picture();
        let is_live = match picture.pace(now) {
            Pace::Live => true,
            Pace::Lines(_) => false,
            Pace::Stale { was_live } => was_live,
        };
        let usual = if is_live {
            Cadence::Seconds
        } else {
            Cadence::Lines
        };
        match self.cadence.unwrap_or(usual) {
            Cadence::Lines => (Cadence::Lines, &picture.lines),
            Cadence::Seconds => (Cadence::Seconds, &picture.seconds),
        }
    }

    /// What the sparklines span, in words.
    pub(crate) fn cadence_name(&self, now: f64) -> String {
        match self.history(now).0 {
            Cadence::Seconds => format!("last {KEPT} s"),
            Cadence::Lines => format!("last {KEPT} lines"),
        }
    }

    /// All samples of the selected stage within the last hour, in nanoseconds.
    pub(crate) fn histogram(&self) -> &Histogram<u64> {
        self.merged.histogram()
    }

    /// Does what a key stands for.
    pub(crate) fn key(&mut self, key: KeyEvent, now: f64) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Wish::Quit,
                KeyCode::Char('z') => Wish::Suspend,
                KeyCode::Char('l') => Wish::Redraw,
                _ => Wish::None,
            };
        }
        if self.help {
            self.help = false;
            return match key.code {
                KeyCode::Char('q') => Wish::Quit,
                _ => Wish::Draw,
            };
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Wish::Quit,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char(' ') => self.freeze(now),
            KeyCode::Char('t') => self.turn_cadence(now),
            KeyCode::Tab | KeyCode::Right => self.show(self.view.moved(1)),
            KeyCode::BackTab | KeyCode::Left => self.show(self.view.moved(View::ALL.len() - 1)),
            KeyCode::Enter => self.show(match self.view {
                View::Overview => View::Histogram,
                _ => View::Overview,
            }),
            KeyCode::Char(digit @ '1'..='4') => {
                let place = digit.to_digit(10).map_or(0, |digit| digit as usize - 1);
                self.show(View::ALL.get(place).copied().unwrap_or(self.view));
            }
            KeyCode::Up | KeyCode::Char('k') => self.select(-1),
            KeyCode::Down | KeyCode::Char('j') => self.select(1),
            KeyCode::PageUp => self.select(-10),
            KeyCode::PageDown => self.select(10),
            KeyCode::Home | KeyCode::Char('g') => self.select(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.select(isize::MAX),
            _ => return Wish::None,
        }
        Wish::Draw
    }

    fn show(&mut self, view: View) {
        self.view = view;
        self.scroll = 0;
    }

    fn freeze(&mut self, now: f64) {
        self.frozen = match self.frozen.take() {
            Some(_) => None,
            None => Some(Frozen {
                picture: self.picture.clone(),
                at: now,
            }),
        };
        self.refresh();
    }

    fn turn_cadence(&mut self, now: f64) {
        self.cadence = Some(match self.history(now).0 {
            Cadence::Seconds => Cadence::Lines,
            Cadence::Lines => Cadence::Seconds,
        });
    }

    /// Goes so many rows down in what the view lists.
    fn select(&mut self, by: isize) {
        let Some(snapshot) = self.picture().current.clone() else {
            return;
        };
        match self.view {
            View::Overview | View::Histogram => {
                let timers = self.timers(&snapshot);
                let place = moved(self.selected(&timers), by, timers.len());
                let name = timers.get(place).map(|(name, _)| (*name).to_owned());
                self.selected = name.unwrap_or_default();
                self.refresh();
            }
            View::Frames => self.frame = moved(self.frame, by, snapshot.slowest_frames.len()),
            // How many rows there are is known when they are drawn, which goes no further than the last.
            View::Numbers => self.scroll = moved(self.scroll, by, usize::MAX),
        }
    }

    fn refresh(&mut self) {
        let picture = self.frozen.as_ref().map_or(&self.picture, |it| &it.picture);
        let running = picture.running();
        self.merged
            .refresh(&self.selected, &picture.intervals, running);
    }
}

/// A place among so many, moved; at the ends it stays.
fn moved(place: usize, by: isize, count: usize) -> usize {
    place.saturating_add_signed(by).min(count.saturating_sub(1))
}
