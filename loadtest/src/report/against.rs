//! Compares a figure with that of an earlier program.

use serde::Serialize;

use super::row::Better;
use crate::figures::median;

/// A figure may be worse by this fraction.
const TOLERANCE: f64 = 0.05;

/// The figures of two programs that were measured in turns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Against {
    /// The figure divided by that of the earlier program, for each pair.
    ratios: Vec<f64>,
    #[serde(skip)]
    better: Better,
}

impl Against {
    /// The number of measured pairs.
    pub(crate) const PAIRS: usize = 7;

    /// The least number of pairs in which the figure must be worse. One disturbed pair proves
    /// nothing.
    const WORSE_PAIRS: usize = 6;

    /// Creates a comparison from the figures of the program and of the earlier one, pair by pair.
    pub(super) fn of(better: Better, pairs: &[(f64, f64)]) -> Self {
        Self {
            ratios: pairs.iter().copied().map(relative).collect(),
            better,
        }
    }

    /// Returns true if the figure is worse by more than 5 % in the median and in at least 6 of 7
    /// pairs.
    pub(super) fn is_worse(&self) -> bool {
        let worse = |ratio: f64| match self.better {
            Better::More => ratio < 1.0 - TOLERANCE,
            Better::Less => ratio > 1.0 + TOLERANCE,
        };
        let pairs = self.ratios.iter().filter(|&&ratio| worse(ratio)).count();
        pairs >= Self::WORSE_PAIRS && self.median().is_some_and(worse)
    }

    /// Returns the median of the pairs' ratios. None if no pair was measured.
    fn median(&self) -> Option<f64> {
        median(&self.ratios)
    }

    /// Formats a line of the report's text.
    pub(super) fn describe(&self) -> String {
        let Some(median) = self.median() else {
            return "beside the earlier program: no pair was measured".into();
        };
        let pairs: Vec<_> = self.ratios.iter().map(|r| format!("{r:.2}")).collect();
        let better = match self.better {
            Better::More => "more",
            Better::Less => "less",
        };
        format!(
            "÷ the earlier program: {median:.2} ({better} is better; pairs: {})",
            pairs.join(" ")
        )
    }
}

/// Returns `figure` divided by `earlier`. 1 if both are 0.
fn relative((figure, earlier): (f64, f64)) -> f64 {
    if figure.abs() < f64::MIN_POSITIVE && earlier.abs() < f64::MIN_POSITIVE {
        1.0
    } else {
        figure / earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_worse(better: Better, figures: [f64; 7]) -> bool {
        Against::of(better, &figures.map(|figure| (figure, 1.0))).is_worse()
    }

    #[test]
    fn over_5_percent_in_six_of_seven_pairs_is_worse() {
        let six = [0.94, 0.94, 0.94, 0.94, 0.94, 0.94, 9.0];
        let five = [0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0];
        let little = [0.951; 7];
        for (figures, worse) in [(six, true), (five, false), (little, false)] {
            assert_eq!(is_worse(Better::More, figures), worse, "{figures:?}");
            assert!(!is_worse(
                Better::Less,
                figures.map(|figure| figure.min(1.0))
            ));
            assert_eq!(
                is_worse(Better::Less, figures.map(|figure| 2.0 - figure)),
                worse
            );
        }
    }

    #[test]
    fn two_zeros_have_the_ratio_1() {
        let zeros = Against::of(Better::Less, &[(0.0, 0.0), (-0.0, 0.0), (0.0, -0.0)]);
        assert_eq!(zeros.ratios, [1.0; 3]);
        assert!(Against::of(Better::Less, &[(0.1, 0.0); 7]).is_worse());
        assert!(!Against::of(Better::Less, &[]).is_worse());
    }
}
