//! The report: the figures, and the bar that each one must reach.

mod against;
mod row;
mod table;

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

use self::table::{cells, table};
pub(crate) use self::{
    against::Against,
    row::{Bar, Due, Row, Verdict},
};

/// All rows, and the facts about the machine and the settings.
#[derive(Debug)]
pub(crate) struct Report {
    /// Bars of plans up to this number are due.
    plan: u32,
    /// The machine, versions and settings, by name.
    facts: Vec<(String, String)>,
    rows: Vec<Row>,
}

impl Report {
    /// Creates an empty report. Bars of plans up to `plan` are due.
    pub(crate) fn new(plan: u32) -> Self {
        Self {
            plan,
            facts: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Adds a fact about the measurement.
    pub(crate) fn fact(&mut self, name: &str, value: impl Into<String>) {
        self.facts.push((name.to_owned(), value.into()));
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Returns true if every bar that is due is met, no row is worse than that of the earlier
    /// program, and no row has failed. Returns false for an empty report.
    pub(crate) fn is_good(&self) -> bool {
        let good = |row: &Row| match row.verdict(self.plan) {
            Verdict::Met | Verdict::NotYet | Verdict::Published => true,
            Verdict::Missed | Verdict::Worse | Verdict::Failed => false,
        };
        !self.rows.is_empty() && self.rows.iter().all(good)
    }

    /// Formats the report as JSON.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        let facts = self.facts.iter();
        let facts = facts.map(|(name, value)| (name.as_str(), value.as_str()));
        serde_json::to_string_pretty(&Written {
            facts: facts.collect(),
            rows: self.rows.iter().map(|row| self.judged(row)).collect(),
        })
    }

    /// Formats the report as text: a table, and the figures behind each row.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let facts: Vec<_> = self
            .facts
            .iter()
            .map(|(name, value)| [name.clone(), value.clone()])
            .collect();
        table(&mut text, ["", ""], &facts);
        text.push('\n');
        let rows = self.rows.iter();
        let rows: Vec<_> = rows.map(|row| cells(row, row.verdict(self.plan))).collect();
        table(&mut text, ["what", "measured", "bar", "plan", ""], &rows);
        for row in &self.rows {
            // Writing to a string does not fail.
            let _ = write!(text, "\n{}\n", row.what);
            let against = row.against.as_ref().map(Against::describe);
            for figures in row.behind.iter().chain(&against).chain(&row.fault) {
                let _ = writeln!(text, "    {figures}");
            }
        }
        text
    }

    fn judged<'a>(&self, row: &'a Row) -> Judged<'a> {
        Judged {
            row,
            verdict: row.verdict(self.plan),
        }
    }
}

/// The layout of the JSON report.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_with_one_bad_row_is_not_good() {
        let mut report = Report::new(8);
        assert!(!report.is_good());
        report.row(Row::new("a", Some(1.0)));
        report.row(Row::new("b", Some(1.0)).bar(Bar::AtMost(1.0), Due::Plan(8)));
        report.row(Row::new("c", Some(2.0)).bar(Bar::AtMost(1.0), Due::Plan(9)));
        report.row(Row::new("d", Some(2.0)).bar(Bar::AtMost(1.0), Due::Later));
        assert!(report.is_good());
        let worse = Row::new("e", Some(1.0)).against(&[(1.0, 2.0); 7]);
        let failed = Row::failed("f", &anyhow::anyhow!("no"));
        let missed = Row::new("g", Some(2.0)).bar(Bar::AtMost(1.0), Due::Plan(8));
        for bad in [worse, failed, missed] {
            report.row(bad);
            assert!(!report.is_good());
            report.rows.pop();
        }
    }

    #[test]
    fn the_json_has_facts_and_rows_with_their_verdicts() {
        let mut report = Report::new(8);
        report.fact("memory", "2 GiB");
        report.row(Row::new("joins", Some(0.5)).bar(Bar::AtLeast(0.4), Due::Plan(8)));
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
        assert_eq!(row["plan"], 8);
    }

    #[test]
    fn the_table_shows_every_figure_beside_its_bar() {
        let mut report = Report::new(8);
        report.fact("machine", "2 × CPU");
        report.row(
            Row::new("joins", Some(0.5))
                .bar(Bar::AtLeast(0.4), Due::Plan(8))
                .behind("5,000/s"),
        );
        report.row(
            Row::new("memory", Some(300.0))
                .unit("bytes")
                .bar(Bar::AtMost(256.0), Due::Plan(7)),
        );
        let text = report.text();
        for line in [
            "| machine | 2 × CPU |",
            "| joins  | 0.50      | ≥ 0.40      | 8    | met    |",
            "| memory | 300 bytes | ≤ 256 bytes | 7    | MISSED |",
            "    5,000/s",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
