//! The comparison as bars on a logarithmic scale, in greys and blues that read on white and on black.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::compare::candidate::Kind;
use crate::compare::measure::{Results, Row};
use crate::compare::report::nanos;

/// Operations that are drawn, in this order.
const DRAWN: [&str; 7] = [
    "scope",
    "count",
    "count_2",
    "ring",
    "histogram",
    "read",
    "frame",
];

const WIDTH: i32 = 900;
/// Where the bars begin; names stand to the left of it.
const LEFT: i32 = 290;
/// Room for the figure behind the longest bar.
const RIGHT: i32 = 70;
const TOP: i32 = 64;
const ROW: i32 = 19;
const BAR: i32 = 12;
/// Above and below an operation's title.
const TITLE: i32 = 34;
/// Nanoseconds where the axis begins.
const LEAST: f64 = 0.1;

const INK: RGBColor = RGBColor(118, 124, 133);
const GRID: RGBAColor = RGBAColor(118, 124, 133, 0.25);
const OURS: RGBColor = RGBColor(37, 131, 222);
const FLOOR: RGBColor = RGBColor(196, 154, 46);
const RIVAL: RGBColor = RGBColor(140, 147, 158);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Draws the chart as SVG.
///
/// # Errors
/// Nothing to draw, or the backend failed.
pub fn draw(results: &[Results]) -> Result<String, Box<dyn Error>> {
    let drawn: Vec<&Results> = DRAWN
        .iter()
        .filter_map(|id| results.iter().find(|results| results.id == *id))
        .collect();
    let medians = drawn
        .iter()
        .flat_map(|results| results.rows.iter().map(|row| row.nanos.median));
    let most = medians.fold(1.0, f64::max);
    let rows: usize = drawn.iter().map(|results| results.rows.len()).sum();
    let height = TOP + TITLE * pixels(drawn.len()) + ROW * pixels(rows) + 16;
    let scale = Scale {
        decades: (most / LEAST).log10(),
        bottom: height - 12,
    };
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        scale.grid(&area)?;
        legend(&area)?;
        let mut y = TOP;
        for results in drawn {
            y = scale.operation(&area, results, y)?;
        }
        area.present()?;
    }
    Ok(svg)
}

fn pixels(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX / 1024)
}

/// From nanoseconds to pixels.
struct Scale {
    /// Powers of ten on the axis.
    decades: f64,
    bottom: i32,
}

impl Scale {
    fn x(&self, nanos: f64) -> i32 {
        let share = (nanos.max(LEAST) / LEAST).log10() / self.decades;
        #[expect(clippy::cast_possible_truncation, reason = "at most the width")]
        let offset = (share * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
        LEFT + offset
    }

    /// A line and its figure at every power of ten.
    fn grid(&self, area: &Area<'_>) -> Drawn {
        let mut nanos = LEAST;
        while self.x(nanos) <= WIDTH - RIGHT {
            let x = self.x(nanos);
            let line = vec![(x, TOP - 8), (x, self.bottom)];
            area.draw(&PathElement::new(line, GRID))?;
            let label = if nanos < 0.95 {
                format!("{nanos:.1} ns")
            } else {
                format!("{nanos:.0} ns")
            };
            text(area, &label, (x, TOP - 18), HPos::Center, 12)?;
            nanos *= 10.0;
        }
        Ok(())
    }

    /// Draws one operation below `y`, the fastest first; where the next begins.
    fn operation(&self, area: &Area<'_>, results: &Results, y: i32) -> Result<i32, Box<dyn Error>> {
        text(area, results.title, (16, y + TITLE / 2), HPos::Left, 15)?;
        let mut rows: Vec<&Row> = results.rows.iter().collect();
        rows.sort_by(|a, b| a.nanos.median.total_cmp(&b.nanos.median));
        let mut y = y + TITLE;
        for row in rows {
            self.bar(area, row, y)?;
            y += ROW;
        }
        Ok(y)
    }

    fn bar(&self, area: &Area<'_>, row: &Row, y: i32) -> Drawn {
        let middle = y + ROW / 2;
        let end = self.x(row.nanos.median).max(LEFT + 1);
        let corners = [(LEFT, middle - BAR / 2), (end, middle + BAR / 2)];
        area.draw(&Rectangle::new(corners, colour(row.kind).filled()))?;
        text(area, row.name, (LEFT - 8, middle), HPos::Right, 13)?;
        let figure = nanos(row.nanos.median);
        text(area, &figure, (end + 6, middle), HPos::Left, 12)
    }
}

fn colour(kind: Kind) -> RGBColor {
    match kind {
        Kind::Ours => OURS,
        Kind::Floor => FLOOR,
        Kind::Rival => RIVAL,
    }
}

fn legend(area: &Area<'_>) -> Drawn {
    let entries = [
        (Kind::Ours, "tachograph"),
        (Kind::Floor, "the physical floor"),
        (Kind::Rival, "rivals"),
    ];
    for ((kind, name), x) in entries.into_iter().zip([LEFT, LEFT + 110, LEFT + 260]) {
        let corners = [(x, 12), (x + BAR, 12 + BAR)];
        area.draw(&Rectangle::new(corners, colour(kind).filled()))?;
        text(area, name, (x + BAR + 6, 12 + BAR / 2), HPos::Left, 13)?;
    }
    let axis = "ns per operation, log scale";
    text(area, axis, (16, 12 + BAR / 2), HPos::Left, 13)
}

fn text(area: &Area<'_>, text: &str, at: (i32, i32), side: HPos, points: i32) -> Drawn {
    let style = TextStyle::from(("sans-serif", points).into_font())
        .color(&INK)
        .pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text, at, style))?;
    Ok(())
}
