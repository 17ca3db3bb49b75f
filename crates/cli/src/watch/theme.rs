//! How things look, with colour and without.

use std::env;

use ratatui::style::{Color, Modifier, Style};
use tachograph::Verdict;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    /// Whether there may be colour. Without it marks, letters, bold and reverse carry the meaning; with it they still do.
    pub(crate) color: bool,
    /// Whether everything has to be ASCII.
    pub(crate) ascii: bool,
}

/// Colours of the segments of a bar; the terminal's own palette, so that they suit its background.
const SEGMENTS: [Color; 6] = [
    Color::Cyan,
    Color::Magenta,
    Color::Yellow,
    Color::Green,
    Color::Blue,
    Color::Red,
];

#[expect(clippy::unused_self, reason = "colour may come to any of them")]
impl Theme {
    /// What suits the environment.
    pub(crate) fn detect() -> Self {
        Self::suits(|name| env::var_os(name).map(|it| it.to_string_lossy().into_owned()))
    }

    fn suits(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let is_utf8 = |locale: &String| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        };
        Self {
            color: set("NO_COLOR").is_none(),
            // The font of the Linux console has hardly any of the characters. Without a locale nothing is known against them.
            ascii: set("TERM").is_some_and(|term| term == "linux")
                || !locale.as_ref().is_none_or(is_utf8),
        }
    }

    fn colored(self, style: Style, color: Color) -> Style {
        if self.color { style.fg(color) } else { style }
    }

    /// Headings and what matters most.
    pub(crate) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Lines, labels, and what has no data.
    pub(crate) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Names of panes.
    pub(crate) fn title(self) -> Style {
        // A pane's line, which it stands on, is dim.
        let style = self.strong().remove_modifier(Modifier::DIM);
        self.colored(style, Color::Cyan)
    }

    /// Sparklines and bars.
    pub(crate) fn chart(self) -> Style {
        self.colored(Style::new(), Color::Cyan)
    }

    /// The row that is selected: all of it alike, whatever colours it had.
    pub(crate) fn selected(self) -> Style {
        Style::new()
            .fg(Color::Reset)
            .bg(Color::Reset)
            .add_modifier(Modifier::REVERSED)
            .remove_modifier(Modifier::DIM)
    }

    /// All is well.
    pub(crate) fn good(self) -> Style {
        self.colored(Style::new(), Color::Green)
    }

    /// Somebody should look at it.
    pub(crate) fn warning(self) -> Style {
        self.colored(self.strong(), Color::Yellow)
    }

    /// Something is wrong.
    pub(crate) fn bad(self) -> Style {
        self.colored(self.strong(), Color::Red)
    }

    /// How a target stands.
    pub(crate) fn verdict(self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Met => self.good(),
            Verdict::NoData => self.dim(),
            Verdict::Near => self.warning(),
            Verdict::Missed => self.bad(),
        }
    }

    /// A segment of a bar that shows the `index`-th of several things. Its letter stands in it in any case.
    pub(crate) fn segment(self, index: usize) -> Style {
        if self.color {
            let color = SEGMENTS.iter().cycle().nth(index % SEGMENTS.len());
            let color = color.copied().unwrap_or(Color::Cyan);
            return Style::new().fg(Color::Black).bg(color);
        }
        let style = Style::new();
        if index.is_multiple_of(2) {
            style.add_modifier(Modifier::REVERSED)
        } else {
            style
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_suits_the_environment() {
        let theme = |set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(known, _)| *known == name);
            Theme::suits(|name| value(name).map(|(_, value)| (*value).to_owned()))
        };
        let is = |color, ascii| Theme { color, ascii };
        assert_eq!(theme(&[]), is(true, false));
        assert_eq!(
            theme(&[("NO_COLOR", "1"), ("LANG", "de_DE.UTF-8")]),
            is(false, false)
        );
        assert_eq!(
            theme(&[("NO_COLOR", ""), ("LC_ALL", "C"), ("LANG", "C.utf8")]),
            is(true, true)
        );
        assert_eq!(
            theme(&[("TERM", "linux"), ("LANG", "C.UTF-8")]),
            is(true, true)
        );
    }
}
