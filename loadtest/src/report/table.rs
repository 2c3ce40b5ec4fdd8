//! Tables in Markdown.

use std::fmt::Write;

use super::{Bar, Row, Verdict};
use crate::figures::grouped;

/// Returns the cells of a row of the report: name, figure, bar, plan, verdict.
pub(super) fn cells(row: &Row, verdict: Verdict) -> [String; 5] {
    let number = |value: f64| {
        let digits = match value.abs() {
            size if size >= 1_000.0 => return grouped(value),
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
    let verdict = match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "MISSED",
        Verdict::NotYet => "not yet",
        Verdict::Worse => "WORSE",
        Verdict::Published => "",
        Verdict::Failed => "FAILED",
    };
    [
        row.what.clone(),
        row.measured.map(with_unit).unwrap_or_default(),
        bar,
        row.plan.map(|due| due.to_string()).unwrap_or_default(),
        verdict.to_owned(),
    ]
}

/// Writes a Markdown table with columns of even width.
pub(super) fn table<const N: usize>(text: &mut String, heads: [&str; N], rows: &[[String; N]]) {
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
