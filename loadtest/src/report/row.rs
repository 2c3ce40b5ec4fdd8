//! One figure, and the bar that it must reach.

use std::fmt::{self, Display};

use anyhow::Error;
use serde::{Serialize, Serializer};

use super::Against;

/// The limit that a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

/// The plan by which a bar must be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// By the plan with this number.
    Plan(u32),
    /// By no plan yet.
    Later,
}

/// Whether a larger or a smaller figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// The result of comparing a figure with its bar and with the earlier program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The bar is met.
    Met,
    /// The bar is missed.
    Missed,
    /// The bar is missed, but is not due yet.
    NotYet,
    /// There is no bar.
    Published,
    /// The figure is worse than that of the earlier program.
    Worse,
    /// No valid figure was measured.
    Failed,
}

/// One row of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// The name of the row.
    pub(super) what: String,
    pub(super) measured: Option<f64>,
    /// The unit, such as `ms`. Empty for a ratio.
    pub(super) unit: &'static str,
    pub(super) bar: Option<Bar>,
    /// The plan by which the bar must be reached. None without a bar.
    pub(super) plan: Option<Due>,
    #[serde(skip)]
    better: Better,
    /// The comparison with an earlier program, if both were measured in turns.
    pub(super) against: Option<Against>,
    /// The reason why the figure does not count. None if it counts.
    pub(super) fault: Option<String>,
    /// Lines with the figures behind it.
    pub(super) behind: Vec<String>,
}

impl Row {
    /// Creates a row with this figure. With None, nothing could be measured, which is a fault. More
    /// is better, unless the bar is an upper one or [`Row::less_is_better`] was called.
    pub(crate) fn new(what: impl Into<String>, measured: Option<f64>) -> Self {
        let measured = measured.filter(|value| value.is_finite());
        Self {
            what: what.into(),
            measured,
            unit: "",
            bar: None,
            plan: None,
            better: Better::More,
            against: None,
            fault: measured.is_none().then(|| "nothing was measured".into()),
            behind: Vec::new(),
        }
    }

    /// Creates a row in place of one or several rows that could not be measured.
    pub(crate) fn failed(what: impl Into<String>, error: &Error) -> Self {
        Self::new(what, None).fault(Some(format!("{error:#}")))
    }

    /// Sets the unit.
    pub(crate) fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Sets the bar, and the plan by which it must be reached.
    pub(crate) fn bar(self, bar: Bar, plan: Due) -> Self {
        let better = match bar {
            Bar::AtLeast(_) => Better::More,
            Bar::AtMost(_) => Better::Less,
        };
        Self {
            bar: Some(bar),
            plan: Some(plan),
            better,
            ..self
        }
    }

    /// Declares that a smaller figure is better.
    pub(crate) fn less_is_better(self) -> Self {
        Self {
            better: Better::Less,
            ..self
        }
    }

    /// Sets a fault, with which the figure does not count. With None, an earlier fault stays.
    pub(crate) fn fault(self, fault: Option<String>) -> Self {
        let fault = fault.or(self.fault);
        Self { fault, ..self }
    }

    /// Adds a line with figures behind this one.
    pub(crate) fn behind(mut self, figures: impl Into<String>) -> Self {
        self.behind.push(figures.into());
        self
    }

    /// Returns the name of the row.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Returns the figure. None without a valid one.
    pub(crate) fn figure(&self) -> Option<f64> {
        self.measured.filter(|_| self.fault.is_none())
    }

    /// Returns true if comparison with an earlier program judges the figure: the row has no bar, or
    /// its bar is due only by a later plan than this one.
    pub(crate) fn is_compared(&self, plan: u32) -> bool {
        match self.plan {
            None => true,
            Some(Due::Later) => false,
            Some(Due::Plan(due)) => due > plan,
        }
    }

    /// Adds the comparison with an earlier program. `pairs` has the figures of both.
    pub(crate) fn against(self, pairs: &[(f64, f64)]) -> Self {
        let against = Against::of(self.better, pairs);
        Self {
            against: Some(against),
            ..self
        }
    }

    /// Returns the verdict when the bars of plans up to `plan` are due.
    pub(crate) fn verdict(&self, plan: u32) -> Verdict {
        let Some(measured) = self.figure() else {
            return Verdict::Failed;
        };
        let worse = self.against.as_ref().is_some_and(Against::is_worse);
        if worse && self.is_compared(plan) {
            return Verdict::Worse;
        }
        let met = match self.bar {
            None => return Verdict::Published,
            Some(Bar::AtLeast(least)) => measured >= least,
            Some(Bar::AtMost(most)) => measured <= most,
        };
        match self.plan {
            _ if met => Verdict::Met,
            Some(Due::Plan(due)) if due <= plan => Verdict::Missed,
            _ => Verdict::NotYet,
        }
    }
}

impl Display for Due {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(number) => write!(formatter, "{number}"),
            Self::Later => formatter.write_str("later"),
        }
    }
}

impl Serialize for Due {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plan(number) => serializer.serialize_u32(*number),
            Self::Later => serializer.serialize_str("later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: u32 = 8;

    fn row(measured: f64, bar: Bar, plan: Due) -> Row {
        Row::new("x", Some(measured)).bar(bar, plan)
    }

    fn verdict_with(measured: f64, bar: Bar) -> Verdict {
        row(measured, bar, Due::Plan(PLAN)).verdict(PLAN)
    }

    #[test]
    fn a_bar_is_met_when_it_is_reached() {
        assert_eq!(verdict_with(0.65, Bar::AtLeast(0.65)), Verdict::Met);
        assert_eq!(verdict_with(0.649, Bar::AtLeast(0.65)), Verdict::Missed);
        assert_eq!(verdict_with(1.2, Bar::AtMost(1.2)), Verdict::Met);
        assert_eq!(verdict_with(1.201, Bar::AtMost(1.2)), Verdict::Missed);
    }

    #[test]
    fn a_bar_is_due_by_its_plan() {
        let verdict = |measured, due| row(measured, Bar::AtLeast(1.0), due).verdict(PLAN);
        for (due, missed) in [
            (Due::Plan(PLAN - 1), Verdict::Missed),
            (Due::Plan(PLAN), Verdict::Missed),
            (Due::Plan(PLAN + 1), Verdict::NotYet),
            (Due::Later, Verdict::NotYet),
        ] {
            assert_eq!(verdict(0.9, due), missed, "{due}");
            assert_eq!(verdict(1.0, due), Verdict::Met, "{due}");
        }
        let later = row(0.9, Bar::AtLeast(1.0), Due::Later);
        assert_eq!(later.verdict(u32::MAX), Verdict::NotYet);
    }

    #[test]
    fn a_row_without_a_bar_or_with_one_of_a_later_plan_is_compared() {
        let worse = [(0.5, 1.0); 7];
        let due = |due| row(0.5, Bar::AtLeast(0.1), due);
        for (compared, row) in [
            (true, Row::new("x", Some(0.5))),
            (true, due(Due::Plan(PLAN + 1))),
            (false, due(Due::Plan(PLAN))),
            (false, due(Due::Later)),
        ] {
            assert_eq!(row.is_compared(PLAN), compared, "{row:?}");
            let verdict = row.against(&worse).verdict(PLAN);
            assert_eq!(verdict == Verdict::Worse, compared);
        }
        let growth = Row::new("x", Some(0.5)).less_is_better().against(&worse);
        assert_eq!(growth.verdict(PLAN), Verdict::Published);
    }

    #[test]
    fn a_fault_fails_a_row_whatever_its_figure() {
        let row = row(9.0, Bar::AtLeast(1.0), Due::Later);
        assert_eq!(row.clone().fault(None).verdict(PLAN), Verdict::Met);
        assert_eq!(row.fault(Some("429".into())).verdict(PLAN), Verdict::Failed);
        assert_eq!(Row::new("x", None).verdict(PLAN), Verdict::Failed);
        assert_eq!(verdict_with(f64::NAN, Bar::AtMost(1.0)), Verdict::Failed);
        assert_eq!(
            verdict_with(f64::INFINITY, Bar::AtLeast(1.0)),
            Verdict::Failed
        );
    }
}
