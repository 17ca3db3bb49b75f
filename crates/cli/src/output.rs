//! What the commands that look at logs print.

use std::borrow::Cow;
use std::io::{self, Write as _};

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use tachograph::Unit;
use tachograph::format::{availability, value};

use crate::error::Error;
use crate::stats::Verdict;

/// Shown where there is nothing.
pub(crate) const NOTHING: &str = "—";

/// Prints on standard output. A pipe that nobody reads any more (`| head`) is no error.
///
/// # Errors
/// It cannot be written, as on a full disk.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// A table with a line below its header, one column of space between the others.
pub(crate) fn table(header: impl IntoIterator<Item = Cell>) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
    table.set_header(header.into_iter().collect::<Vec<_>>());
    let columns = table.column_iter_mut().count();
    for (index, column) in (1..).zip(table.column_iter_mut()) {
        column.set_padding((0, u16::from(index < columns)));
    }
    table
}

/// A cell with its text at the right.
pub(crate) fn right(text: impl Into<Cow<'static, str>>) -> Cell {
    Cell::new(text.into()).set_alignment(CellAlignment::Right)
}

/// A value of a metric, as the status display shows it.
pub(crate) fn shown(metric: &str, number: f64, unit: Unit) -> String {
    match metric {
        _ if number.is_infinite() => "∞".to_owned(),
        "system_availability" | "system_uptime_percent" => availability(number),
        _ => value(number, unit),
    }
}

/// How many of `all` passed, and what became of the others: `5 of 7 targets are met, 1 fails`.
pub(crate) fn tally(all: usize, passed: &str, verdicts: impl Iterator<Item = Verdict>) -> String {
    let (mut pass, mut fail, mut few) = (0_u64, 0_u64, 0_u64);
    verdicts.for_each(|verdict| match verdict {
        Verdict::Pass => pass += 1,
        Verdict::Fail => fail += 1,
        Verdict::NotEnoughEvidence => few += 1,
    });
    let fail = match fail {
        0 => String::new(),
        1 => ", 1 fails".to_owned(),
        _ => format!(", {fail} fail"),
    };
    let few = match few {
        0 => String::new(),
        _ => format!(", for {few} there is not enough evidence"),
    };
    format!("{pass} of {all} {passed}{fail}{few}")
}
