//! How lines are shown: as sentences, as a table, or for other programs.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ColumnConstraint, Row, Table, TableStyle, Width};
use jiff::Timestamp;
use serde::Serializer as _;
use serde_json::Value;
use tachograph::{MetricsSnapshot, Status, StatusStyle, Targets, format};

use super::fields::{Field, Selection, value};

/// Blanks at each side of a column.
const PADDING: u16 = 1;

/// Something that lines are handed to, one after the other.
pub(super) trait Show {
    /// Takes the next line.
    fn line(&mut self, line: MetricsSnapshot) -> io::Result<()>;

    /// Takes a line that is there only for what the next one is compared with.
    fn before(&mut self, _line: MetricsSnapshot) {}

    /// For now there are no more: everything has to be seen.
    fn pause(&mut self) -> io::Result<()>;
}

/// Each line as the status shows it, with the date where it changes.
pub(super) struct Sentences<W> {
    output: W,
    status: Status,
    previous: Option<MetricsSnapshot>,
    date: String,
}

impl<W: Write> Sentences<W> {
    pub(super) fn new(output: W) -> Self {
        Self {
            output,
            status: Status::new(Targets::default(), StatusStyle::of_stdout()),
            previous: None,
            date: String::new(),
        }
    }
}

impl<W: Write> Show for Sentences<W> {
    fn line(&mut self, line: MetricsSnapshot) -> io::Result<()> {
        let date = date(&line);
        if date != self.date {
            writeln!(self.output, "{date} UTC")?;
            self.date = date;
        }
        let previous = self.previous.as_ref();
        let previous = previous.filter(|previous| is_same_run(previous, &line));
        writeln!(self.output, "{}", self.status.line(&line, previous))?;
        self.previous = Some(line);
        Ok(())
    }

    fn before(&mut self, line: MetricsSnapshot) {
        self.previous = Some(line);
    }

    fn pause(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// The UTC date of a line, by its timestamp: `time` may be missing.
fn date(line: &MetricsSnapshot) -> String {
    #[expect(clippy::cast_possible_truncation)]
    let second = Timestamp::from_second(line.timestamp.floor() as i64); // Saturates.
    second.map_or_else(
        |_| "unknown date,".to_owned(),
        |time| time.strftime("%F").to_string(),
    )
}

/// Whether the same process wrote both lines: it has counted on, and began at the same time. After its clock was set that
/// does not show, and one rate is missing.
fn is_same_run(previous: &MetricsSnapshot, line: &MetricsSnapshot) -> bool {
    let begin = |line: &MetricsSnapshot| line.timestamp - line.uptime_seconds;
    line.sequence > previous.sequence && (begin(line) - begin(previous)).abs() < 1.0
}

/// Some fields of each line, as a table.
pub(super) struct Columns<W> {
    output: W,
    fields: Vec<Field>,
    rows: Vec<Vec<Cell>>,
    /// How wide the columns have become; empty until there were any.
    widths: Vec<u16>,
}

impl<W: Write> Columns<W> {
    pub(super) fn new(output: W, fields: Vec<Field>) -> Self {
        Self {
            output,
            fields,
            rows: Vec::new(),
            widths: Vec::new(),
        }
    }
}

impl<W: Write> Show for Columns<W> {
    fn line(&mut self, line: MetricsSnapshot) -> io::Result<()> {
        let line = value(&line, &self.fields);
        let cells = self.fields.iter().map(|field| cell(field.of(&line)));
        self.rows.push(cells.collect());
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut table = plain_table();
        if self.widths.is_empty() {
            let names = self.fields.iter().map(|field| format::clean(&field.name));
            table.set_header(Row::from(names.collect::<Vec<_>>()));
        }
        table.add_rows(self.rows.drain(..).map(Row::from));
        let widths = self.widths.iter().map(|width| {
            // What comes later stands under what came before.
            ColumnConstraint::LowerBoundary(Width::Fixed(width.saturating_add(2 * PADDING)))
        });
        table.set_constraints(widths);
        writeln!(self.output, "{}", table.trim_fmt())?;
        let widths = table.column_max_content_widths();
        self.widths.resize(widths.len(), 0);
        for (widest, width) in self.widths.iter_mut().zip(widths) {
            *widest = width.max(*widest);
        }
        self.output.flush()
    }
}

/// All fields of each line, one below the other.
pub(super) struct Blocks<W> {
    output: W,
    selection: Selection,
}

impl<W: Write> Blocks<W> {
    pub(super) fn new(output: W, selection: Selection) -> Self {
        Self { output, selection }
    }
}

impl<W: Write> Show for Blocks<W> {
    fn line(&mut self, line: MetricsSnapshot) -> io::Result<()> {
        let fields = self.selection.fields(&line);
        let line = value(&line, &fields);
        let mut table = plain_table();
        for field in &fields {
            let name = Cell::new(format::clean(&field.name));
            let value = cell(field.of(&line)).set_alignment(CellAlignment::Left);
            table.add_row(Row::from(vec![name, value]));
        }
        writeln!(self.output, "{}\n", table.trim_fmt())
    }

    fn pause(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table
}

fn cell(value: Option<&Value>) -> Cell {
    match value {
        None | Some(Value::Null) => Cell::new("-").set_alignment(CellAlignment::Right),
        Some(Value::Number(number)) => {
            let text = match number.as_f64().filter(|_| number.is_f64()) {
                Some(float) => rounded(float),
                None => number.to_string(),
            };
            Cell::new(text).set_alignment(CellAlignment::Right)
        }
        Some(other) => Cell::new(text(other)),
    }
}

/// Three digits after the point, but not fewer than three that tell something.
fn rounded(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        0.000_1..0.1 => format!("{value:.6}"),
        0.1..1e15 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

/// A value for text: nothing for `null`, texts without their quotes, everything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => format::clean(text),
        other => format::clean(&other.to_string()),
    }
}

/// Some fields of each line, as CSV after RFC 4180.
pub(super) struct Csv<W: Write> {
    output: csv::Writer<W>,
    selection: Selection,
    /// Empty until the header is written.
    fields: Vec<Field>,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(output: W, selection: Selection) -> Self {
        let output = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(output);
        Self {
            output,
            selection,
            fields: Vec::new(),
        }
    }
}

impl<W: Write> Show for Csv<W> {
    fn line(&mut self, line: MetricsSnapshot) -> io::Result<()> {
        if self.fields.is_empty() {
            self.fields = self.selection.fields(&line);
            let names = self.fields.iter().map(|field| format::clean(&field.name));
            self.output.write_record(names).map_err(cause)?;
        }
        let line = value(&line, &self.fields);
        let values = self.fields.iter().map(|field| field.of(&line));
        let texts = values.map(|value| value.map_or_else(String::new, text));
        self.output.write_record(texts).map_err(cause)
    }

    fn pause(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// What the system said, so that a closed pipe can be told from other troubles.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Some fields of each line, as JSON Lines.
pub(super) struct Json<W> {
    output: W,
    selection: Selection,
}

impl<W: Write> Json<W> {
    pub(super) fn new(output: W, selection: Selection) -> Self {
        Self { output, selection }
    }
}

impl<W: Write> Show for Json<W> {
    fn line(&mut self, line: MetricsSnapshot) -> io::Result<()> {
        let fields = self.selection.fields(&line);
        let line = value(&line, &fields);
        let members = fields.iter().map(|field| (&field.name, field.of(&line)));
        serde_json::Serializer::new(&mut self.output).collect_map(members)?;
        writeln!(self.output)
    }

    fn pause(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
