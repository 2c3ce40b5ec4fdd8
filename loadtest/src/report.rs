//! What was measured, beside what it must be.

use std::fmt::Write;

use anyhow::Error;
use serde::Serialize;

/// What a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

/// What a row says of its figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The bar is met.
    Met,
    /// The bar is missed.
    Missed,
    /// There is no bar.
    Published,
    /// There is no figure that counts.
    Failed,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    what: String,
    measured: Option<f64>,
    /// Such as `ms`; empty for a ratio.
    unit: &'static str,
    bar: Option<Bar>,
    /// Why the figure does not count.
    fault: Option<String>,
    /// The figures behind it.
    behind: Vec<String>,
}

impl Row {
    /// A figure; none where nothing could be measured, which is a fault.
    pub(crate) fn new(what: impl Into<String>, measured: Option<f64>) -> Self {
        let measured = measured.filter(|value| value.is_finite());
        Self {
            what: what.into(),
            measured,
            unit: "",
            bar: None,
            fault: measured.is_none().then(|| "nothing was measured".into()),
            behind: Vec::new(),
        }
    }

    /// A row, or several, of which nothing came.
    pub(crate) fn failed(what: impl Into<String>, error: &Error) -> Self {
        Self::new(what, None).fault(Some(format!("{error:#}")))
    }

    /// The same in this unit.
    pub(crate) fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The same with this bar.
    pub(crate) fn bar(self, bar: Bar) -> Self {
        let bar = Some(bar);
        Self { bar, ..self }
    }

    /// The same, not counting where there is a fault.
    pub(crate) fn fault(self, fault: Option<String>) -> Self {
        let fault = fault.or(self.fault);
        Self { fault, ..self }
    }

    /// The same with figures behind it, for people.
    pub(crate) fn behind(mut self, figures: impl Into<String>) -> Self {
        self.behind.push(figures.into());
        self
    }

    /// What it comes to.
    pub(crate) fn verdict(&self) -> Verdict {
        let Some(measured) = self.measured.filter(|_| self.fault.is_none()) else {
            return Verdict::Failed;
        };
        let met = match self.bar {
            None => return Verdict::Published,
            Some(Bar::AtLeast(least)) => measured >= least,
            Some(Bar::AtMost(most)) => measured <= most,
        };
        if met { Verdict::Met } else { Verdict::Missed }
    }
}

/// Everything that was measured, and where.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// The machine, versions and settings, by name.
    facts: Vec<(String, String)>,
    rows: Vec<Row>,
}

impl Report {
    /// Adds something to know about the measurement.
    pub(crate) fn fact(&mut self, name: &str, value: impl Into<String>) {
        self.facts.push((name.to_owned(), value.into()));
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// True when every bar is met and no row has failed; never of an empty report.
    pub(crate) fn all_met(&self) -> bool {
        let good = |row: &Row| matches!(row.verdict(), Verdict::Met | Verdict::Published);
        !self.rows.is_empty() && self.rows.iter().all(good)
    }

    /// For people: a table, and what is behind its figures.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let facts: Vec<_> = self
            .facts
            .iter()
            .map(|(name, value)| [name.clone(), value.clone()])
            .collect();
        table(&mut text, ["", ""], &facts);
        text.push('\n');
        let rows: Vec<_> = self.rows.iter().map(cells).collect();
        table(&mut text, ["what", "measured", "bar", ""], &rows);
        for row in &self.rows {
            // Writing into a string does not fail.
            let _ = write!(text, "\n{}\n", row.what);
            for figures in row.behind.iter().chain(&row.fault) {
                let _ = writeln!(text, "    {figures}");
            }
        }
        text
    }
}

fn cells(row: &Row) -> [String; 4] {
    let number = |value: f64| {
        let digits = match value.abs() {
            size if size >= 1_000.0 => return crate::figures::grouped(value),
            size if size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            size if size >= 0.01 || size == 0.0 => 2,
            _ => 5,
        };
        format!("{value:.digits$}")
    };
    let with_unit = |value| format!("{} {}", number(value), row.unit).trim().to_owned();
    let bar = match row.bar {
        None => String::new(),
        Some(Bar::AtLeast(least)) => format!("≥ {}", with_unit(least)),
        Some(Bar::AtMost(most)) => format!("≤ {}", with_unit(most)),
    };
    let verdict = match row.verdict() {
        Verdict::Met => "met",
        Verdict::Missed => "MISSED",
        Verdict::Published => "",
        Verdict::Failed => "FAILED",
    };
    [
        row.what.clone(),
        row.measured.map(with_unit).unwrap_or_default(),
        bar,
        verdict.to_owned(),
    ]
}

/// Writes a Markdown table with columns of even width.
fn table<const N: usize>(text: &mut String, heads: [&str; N], rows: &[[String; N]]) {
    let mut widths = heads.map(|head| head.chars().count().max(3));
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut line = |cells: [&str; N], fill: char| {
        for (cell, width) in cells.into_iter().zip(widths) {
            let missing = width.saturating_sub(cell.chars().count());
            let padding: String = std::iter::repeat_n(fill, missing).collect();
            let _ = write!(text, "| {cell}{padding} ");
        }
        text.push_str("|\n");
    };
    line(heads, ' ');
    line([""; N], '-');
    for row in rows {
        line(row.each_ref().map(String::as_str), ' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn barred(measured: f64, bar: Bar) -> Verdict {
        Row::new("x", Some(measured)).bar(bar).verdict()
    }

    #[test]
    fn a_bar_is_met_when_it_is_reached() {
        assert_eq!(barred(0.65, Bar::AtLeast(0.65)), Verdict::Met);
        assert_eq!(barred(0.649, Bar::AtLeast(0.65)), Verdict::Missed);
        assert_eq!(barred(1.2, Bar::AtMost(1.2)), Verdict::Met);
        assert_eq!(barred(1.201, Bar::AtMost(1.2)), Verdict::Missed);
    }

    #[test]
    fn what_is_wrong_fails_however_good_it_looks() {
        let row = Row::new("x", Some(9.0)).bar(Bar::AtLeast(1.0));
        assert_eq!(row.clone().fault(None).verdict(), Verdict::Met);
        assert_eq!(row.fault(Some("429".into())).verdict(), Verdict::Failed);
        assert_eq!(Row::new("x", None).verdict(), Verdict::Failed);
        assert_eq!(barred(f64::NAN, Bar::AtMost(1.0)), Verdict::Failed);
        assert_eq!(barred(f64::INFINITY, Bar::AtLeast(1.0)), Verdict::Failed);
    }

    #[test]
    fn one_bad_row_is_enough() {
        let mut report = Report::default();
        assert!(!report.all_met());
        report.row(Row::new("a", Some(1.0)));
        report.row(Row::new("b", Some(1.0)).bar(Bar::AtMost(1.0)));
        assert!(report.all_met());
        report.row(Row::failed("c", &anyhow::anyhow!("no")));
        assert!(!report.all_met());
    }

    #[test]
    fn the_table_shows_every_figure_beside_its_bar() {
        let mut report = Report::default();
        report.fact("machine", "2 × CPU");
        report.row(
            Row::new("joins", Some(0.5))
                .bar(Bar::AtLeast(0.4))
                .behind("5,000/s"),
        );
        report.row(
            Row::new("memory", Some(300.0))
                .unit("bytes")
                .bar(Bar::AtMost(256.0)),
        );
        let text = report.text();
        for line in [
            "| machine | 2 × CPU |",
            "| joins  | 0.50      | ≥ 0.40      | met    |",
            "| memory | 300 bytes | ≤ 256 bytes | MISSED |",
            "    5,000/s",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
