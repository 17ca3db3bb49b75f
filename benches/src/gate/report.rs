//! The one table.

use std::fmt;

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};

use super::verdict::{Row, Verdict};

/// All comparisons of one run, and what has to be said besides.
#[derive(Clone, Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
    /// What could mislead: another compiler, a missing tool.
    warnings: Vec<String>,
}

impl Report {
    /// Adds a line to the table.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds something that is said loudly below the table.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// The lines of the table.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether the gate refuses.
    pub fn is_refused(&self) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|row| row.verdict.is_refusal())
    }

    /// Whether something was not looked at, or without a result.
    pub fn is_incomplete(&self) -> bool {
        let open = [Verdict::Undecided, Verdict::Skipped];
        self.rows.iter().any(|row| open.contains(&row.verdict))
    }

    /// Whether something was not looked at because a tool is missing.
    pub fn is_skipped(&self) -> bool {
        self.rows.iter().any(|row| row.verdict == Verdict::Skipped)
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
        table.set_header(["check", "operation", "baseline", "now", "change", "verdict"]);
        for row in &self.rows {
            let right = |text: &str| Cell::new(text).set_alignment(CellAlignment::Right);
            table.add_row([
                Cell::new(row.check),
                Cell::new(&row.operation),
                right(&row.baseline),
                right(&row.now),
                right(&row.change),
                Cell::new(row.verdict),
            ]);
        }
        table.trim_fmt()
    }

    fn conclusion(&self) -> String {
        let refused: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.verdict.is_refusal())
            .map(|row| format!("{} of {}", row.check, row.operation))
            .collect();
        if !refused.is_empty() {
            return format!("gate: REFUSED: {}", refused.join("; "));
        }
        if self.rows.is_empty() {
            return "gate: REFUSED: nothing was checked".to_owned();
        }
        let incomplete = if self.is_incomplete() {
            ", but not everything could be checked"
        } else {
            ""
        };
        format!("gate: accepted{incomplete}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table())?;
        for warning in &self.warnings {
            writeln!(f, "!!! {warning}")?;
        }
        if self.rows.iter().any(|row| row.verdict == Verdict::Better) {
            writeln!(
                f,
                "Something became cheaper. Renew the baseline, or the gain can be lost again unseen."
            )?;
        }
        write!(f, "{}", self.conclusion())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::verdict::{TOLERANCE_PERCENT, grown};

    #[test]
    fn a_refusal_is_named() {
        let mut report = Report::default();
        report.push(grown("count", Some(10.0), Some(10.0), TOLERANCE_PERCENT));
        assert!(!report.is_refused());
        assert!(report.to_string().ends_with("gate: accepted"));
        report.push(grown("scope", Some(10.0), Some(11.0), TOLERANCE_PERCENT));
        assert!(report.is_refused());
        assert!(
            report
                .to_string()
                .ends_with("gate: REFUSED: instructions of scope")
        );
    }

    #[test]
    fn a_gain_is_reported_and_accepted() {
        let mut report = Report::default();
        report.push(grown("scope", Some(20.0), Some(10.0), TOLERANCE_PERCENT));
        assert!(!report.is_refused());
        assert!(report.to_string().contains("Renew the baseline"));
    }
}
