//! What was measured, beside what it must be.

mod row;
mod table;

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

pub(crate) use self::row::{Bar, Row, Verdict};
use self::table::{cells, table};

/// Everything that was measured, and where.
#[derive(Debug, Default)]
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

    /// For programs.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let facts = self.facts.iter();
        let facts = facts.map(|(name, value)| (name.as_str(), value.as_str()));
        serde_json::to_string_pretty(&Written {
            facts: facts.collect(),
            rows: self.rows.iter().map(Judged::from).collect(),
        })
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

/// The report as programs read it.
#[derive(Serialize)]
struct Written<'a> {
    facts: BTreeMap<&'a str, &'a str>,
    rows: Vec<Judged<'a>>,
}

#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    row: &'a Row,
    verdict: Verdict,
}

impl<'a> From<&'a Row> for Judged<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            row,
            verdict: row.verdict(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn programs_can_read_it() {
        let mut report = Report::default();
        report.fact("memory", "2 GiB");
        report.row(Row::new("joins", Some(0.5)).bar(Bar::AtLeast(0.4)));
        let read: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(read["facts"]["memory"], "2 GiB");
        let row = &read["rows"][0];
        assert_eq!(
            (&row["what"], &row["verdict"]),
            (&"joins".into(), &"met".into())
        );
        assert_eq!(
            (&row["measured"], &row["bar"]["at_least"]),
            (&0.5.into(), &0.4.into())
        );
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
