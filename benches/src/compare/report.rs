//! Everything that was measured, as tables for a terminal and as a section of a Markdown file.

use comfy_table::{CellAlignment, Table as TextTable, presets};

use crate::compare::growth::{Growth, NEW};
use crate::compare::machine::{Machine, version_of};
use crate::compare::measure::{Plan, Results, Row};
use crate::compare::targets::{Judged, clock_read};
use crate::frame_loop::{LoopPlan, Pair, Side};

const BEGIN: &str = "<!-- compare: begin -->";
const END: &str = "<!-- compare: end -->";

/// A whole run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// How thoroughly.
    pub plan: Plan,
    /// The operations.
    pub results: Vec<Results>,
    /// The reductions.
    pub growth: Option<Growth>,
    /// The frame loops, at 30 fps and unpaced, and how long they ran.
    pub loops: Option<(LoopPlan, Pair, Pair)>,
    /// The targets.
    pub judged: Vec<Judged>,
}

/// A table that can be rendered both ways.
struct Table {
    title: String,
    header: Vec<&'static str>,
    /// Columns from this one on are numbers.
    numbers_from: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn text(&self) -> String {
        let mut table = TextTable::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(&self.header);
        self.rows.iter().for_each(|row| _ = table.add_row(row));
        for column in table.column_iter_mut().skip(self.numbers_from) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!("{}\n{table}\n", self.title)
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let header: Vec<String> = self.header.iter().map(ToString::to_string).collect();
        let rule = |(column, _)| {
            if column < self.numbers_from {
                "---"
            } else {
                "---:"
            }
        };
        let rules: Vec<String> = self
            .header
            .iter()
            .enumerate()
            .map(|column| rule(column).to_owned())
            .collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!(
            "### {}\n\n{}{}{rows}",
            self.title,
            line(&header),
            line(&rules)
        )
    }
}

impl Report {
    /// For a terminal.
    pub fn text(&self) -> String {
        let tables: Vec<String> = self.tables().iter().map(Table::text).collect();
        format!(
            "{}\n\n{}",
            self.circumstances().join("\n"),
            tables.join("\n")
        )
    }

    /// For a Markdown file: goes between the markers.
    pub fn markdown(&self, chart: Option<&str>) -> String {
        let facts = self.circumstances().join("\n- ");
        let chart = chart.map_or_else(String::new, |path| {
            format!("![Nanoseconds per operation, on a logarithmic scale]({path})\n\n")
        });
        let tables: Vec<String> = self.tables().iter().map(Table::markdown).collect();
        format!("- {facts}\n\n{chart}{}", tables.join("\n"))
    }

    fn circumstances(&self) -> Vec<String> {
        let machine = &self.machine;
        vec![
            format!(
                "{}, {} logical processors, {}",
                machine.cpu, machine.cpus, machine.system
            ),
            format!(
                "{}, release profile (thin LTO, one codegen unit)",
                machine.rustc
            ),
            format!(
                "{}, {} interleaved rounds over {} instances",
                machine.date, self.plan.rounds, self.plan.instances
            ),
            format!("tachograph {}", env!("CARGO_PKG_VERSION")),
        ]
    }

    fn tables(&self) -> Vec<Table> {
        let mut tables = vec![self.targets()];
        let floor = clock_read(&self.results);
        tables.extend(self.results.iter().map(|results| operation(results, floor)));
        tables.extend(self.growth.as_ref().map(reductions));
        if let Some((lasting, paced, unpaced)) = &self.loops {
            tables.push(loops(
                "the pixel loop at 30 frames per second",
                *lasting,
                paced,
            ));
            tables.push(loops("the pixel loop unpaced", *lasting, unpaced));
        }
        tables
    }

    fn targets(&self) -> Table {
        let verdict = |met| if met { "met" } else { "NOT MET" };
        let rows = self.judged.iter().map(|judged| {
            vec![
                judged.target.clone(),
                verdict(judged.met).to_owned(),
                judged.limit.clone(),
                judged.measured.clone(),
            ]
        });
        Table {
            title: "Targets".to_owned(),
            header: vec!["target", "", "limit", "measured"],
            numbers_from: 2,
            rows: rows.collect(),
        }
    }
}

/// Nanoseconds with three digits or so.
pub(crate) fn nanos(value: f64) -> String {
    match value {
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn operation(results: &Results, floor: Option<f64>) -> Table {
    let ours = results.ours().map(|row| row.nanos.median);
    let ratio = |value: f64, base: Option<f64>| {
        base.map_or_else(String::new, |base| format!("{:.2}", value / base))
    };
    let mut rows: Vec<&Row> = results.rows.iter().collect();
    rows.sort_by(|a, b| a.nanos.median.total_cmp(&b.nanos.median));
    let rows = rows.into_iter().map(|row| {
        let median = row.nanos.median;
        vec![
            row.name.to_owned(),
            row.package
                .and_then(version_of)
                .unwrap_or_default()
                .to_owned(),
            nanos(median),
            format!("{} – {}", nanos(row.nanos.p10), nanos(row.nanos.p90)),
            ratio(median, ours),
            ratio(median, floor),
        ]
    });
    Table {
        title: format!("{} ({})", capitalised(results.title), results.id),
        header: vec!["", "version", "ns", "p10 – p90", "x ours", "x clock read"],
        numbers_from: 2,
        rows: rows.collect(),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn reductions(growth: &Growth) -> Table {
    let rows = growth.points.iter().map(|point| {
        let cells = (point.lanes * point.timers) as f64;
        let micros = |nanos: f64| format!("{:.2}", nanos / 1e3);
        vec![
            point.lanes.to_string(),
            point.timers.to_string(),
            micros(point.idle.median),
            format!("{} – {}", micros(point.idle.p10), micros(point.idle.p90)),
            nanos(point.idle.median / cells),
            nanos(point.per_sample.median),
            format!(
                "{} – {}",
                nanos(point.per_sample.p10),
                nanos(point.per_sample.p90)
            ),
        ]
    });
    Table {
        title: format!("Reduce: idle, and with {NEW} new samples in every timer of every lane"),
        header: vec![
            "lanes",
            "timers",
            "idle, us",
            "p10 – p90",
            "ns per lane and timer",
            "ns per new sample",
            "p10 – p90",
        ],
        numbers_from: 0,
        rows: rows.collect(),
    }
}

const LOOP_HEADER: [&str; 6] = [
    "",
    "frames",
    "median, us",
    "p99.9, us",
    "CPU per frame, us",
    "% of one CPU",
];

fn loops(title: &str, lasting: LoopPlan, pair: &Pair) -> Table {
    let (plain, measured) = (&pair.plain, &pair.measured);
    let difference = [
        "difference".to_owned(),
        String::new(),
        format!("{:+.2}", measured.median_us - plain.median_us),
        format!("{:+.2}", measured.p999_us - plain.p999_us),
        format!("{:+.2}", measured.cpu_us - plain.cpu_us),
        format!("{:+.3}", measured.cpu_percent - plain.cpu_percent),
    ];
    let mut rows = vec![
        side("plain", plain),
        side("instrumented", measured),
        difference.to_vec(),
        share("the collector's thread", pair.thread_percent),
        share("as the collector reports it", pair.reported_percent),
    ];
    if pair.waking_percent.is_some() {
        let name = "a thread that wakes 10 times a second and does nothing";
        rows.push(share(name, pair.waking_percent));
    }
    if pair.slow_thread_percent.is_some() {
        let name = "the collector's thread, reducing once a second";
        rows.push(share(name, pair.slow_thread_percent));
    }
    Table {
        title: format!(
            "{}, {} blocks of {:.0} s each way",
            capitalised(title),
            lasting.blocks,
            lasting.block.as_secs_f64()
        ),
        header: LOOP_HEADER.to_vec(),
        numbers_from: 1,
        rows,
    }
}

fn side(name: &str, side: &Side) -> Vec<String> {
    vec![
        name.to_owned(),
        side.frames.to_string(),
        format!("{:.2}", side.median_us),
        format!("{:.2}", side.p999_us),
        format!("{:.2}", side.cpu_us),
        format!("{:.3}", side.cpu_percent),
    ]
}

/// A row of a loop that has just a share of a CPU.
fn share(name: &str, percent: Option<f64>) -> Vec<String> {
    let percent = percent.map_or_else(|| "unknown".to_owned(), |percent| format!("{percent:.4}"));
    let nothing = String::new;
    vec![
        name.to_owned(),
        nothing(),
        nothing(),
        nothing(),
        nothing(),
        percent,
    ]
}

/// Puts a section between the markers of a document; `None` if it has no markers.
pub fn splice(document: &str, section: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_the_one_before() {
        let document = format!("above\n{BEGIN}\nold\n{END}\nbelow\n");
        let spliced = splice(&document, "new\n").unwrap();
        assert_eq!(spliced, format!("above\n{BEGIN}\n\nnew\n\n{END}\nbelow\n"));
        assert_eq!(splice(&spliced, "new\n"), Some(spliced.clone()));
        assert_eq!(splice("no markers", "new"), None);
    }
}
