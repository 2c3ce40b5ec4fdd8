//! One figure, and what it must be.

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
    pub(super) what: String,
    pub(super) measured: Option<f64>,
    /// Such as `ms`; empty for a ratio.
    pub(super) unit: &'static str,
    pub(super) bar: Option<Bar>,
    /// Why the figure does not count.
    pub(super) fault: Option<String>,
    /// The figures behind it.
    pub(super) behind: Vec<String>,
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
}
