//! How an operator describes the seats of a performance.

use std::collections::HashSet;

use super::{Amount, Invalid, SeatLabel};

/// One row of a section: seats numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's name; seat 7 of row `A` is labelled `A-7`.
    pub name: String,
    /// How many seats it has.
    pub seats: u16,
}

/// A part of the hall with one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name, as shown to buyers: 1 to 40 characters.
    pub name: String,
    /// What each of its seats costs.
    pub price: Amount,
    /// Its rows, front to back.
    pub rows: Vec<Row>,
}

/// All seats of a performance: 1 to [`SeatPlan::MAX_SEATS`], no label twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatPlan(Vec<PlannedSeat>);

/// A seat that an operator planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSeat {
    /// Its name.
    pub label: SeatLabel,
    /// The part of the hall that it is in.
    pub section: String,
    /// What it costs.
    pub price: Amount,
}

impl SeatPlan {
    /// The largest hall that one performance may have.
    pub const MAX_SEATS: usize = 100_000;

    /// The dearest that a seat may be, in minor units: so that the seats of one hold always have a
    /// total, however many one user may have ([`SeatSelection::MAX`](super::SeatSelection::MAX)).
    pub const MAX_PRICE: i64 = Amount::MAX.minor_units() / 4;

    /// The plan with these sections.
    ///
    /// # Errors
    /// Names the first section or row that is wrong, in the form `sections[1].rows[0]: …`.
    pub fn new(sections: &[Section]) -> Result<Self, Invalid> {
        let mut seats = Vec::new();
        let mut labels = HashSet::new();
        for (at, section) in sections.iter().enumerate() {
            if !(1..=40).contains(&section.name.chars().count()) {
                return Err(Invalid::new(format!(
                    "sections[{at}].name: 1 to 40 characters"
                )));
            }
            if section.price.minor_units() > Self::MAX_PRICE {
                return Err(Invalid::new(format!(
                    "sections[{at}].price: at most {}",
                    Self::MAX_PRICE
                )));
            }
            for (row_at, row) in section.rows.iter().enumerate() {
                let place = format!("sections[{at}].rows[{row_at}]");
                if row.seats == 0 {
                    return Err(Invalid::new(format!("{place}.seats: at least 1")));
                }
                for number in 1..=row.seats {
                    let label: SeatLabel = format!("{}-{number}", row.name)
                        .parse()
                        .map_err(|why| Invalid::new(format!("{place}.name: {why}")))?;
                    if !labels.insert(label.clone()) {
                        return Err(Invalid::new(format!(
                            "{place}: seat {label} is there twice"
                        )));
                    }
                    seats.push(PlannedSeat {
                        label,
                        section: section.name.clone(),
                        price: section.price,
                    });
                }
                if seats.len() > Self::MAX_SEATS {
                    return Err(Invalid::new(format!(
                        "sections: at most {} seats",
                        Self::MAX_SEATS
                    )));
                }
            }
        }
        if seats.is_empty() {
            return Err(Invalid::new("sections: at least one seat"));
        }
        Ok(Self(seats))
    }

    /// The seats, in the order in which a seat map shows them.
    #[must_use]
    pub fn seats(&self) -> &[PlannedSeat] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_of_the_dearest_seats_still_has_a_total() {
        let mut dear = section(&[("A", 4)]);
        dear.price = Amount::try_from(SeatPlan::MAX_PRICE).unwrap();
        let plan = SeatPlan::new(&[dear.clone()]).unwrap();
        assert_eq!(plan.seats().len(), crate::model::SeatSelection::MAX);
        let prices = plan.seats().iter().map(|seat| seat.price);
        assert!(Amount::checked_sum(prices).is_some());
        dear.price = Amount::try_from(SeatPlan::MAX_PRICE + 1).unwrap();
        assert!(SeatPlan::new(&[dear]).is_err());
    }

    fn section(rows: &[(&str, u16)]) -> Section {
        Section {
            name: "Stalls".into(),
            price: Amount::ZERO,
            rows: rows
                .iter()
                .map(|&(name, seats)| Row {
                    name: name.into(),
                    seats,
                })
                .collect(),
        }
    }

    #[test]
    fn seats_are_numbered_row_by_row() {
        let plan = SeatPlan::new(&[section(&[("A", 2), ("B", 1)])]).unwrap();
        let labels: Vec<_> = plan
            .seats()
            .iter()
            .map(|seat| seat.label.as_str())
            .collect();
        assert_eq!(labels, ["A-1", "A-2", "B-1"]);
    }

    #[test]
    fn a_wrong_plan_says_where() {
        let twice = SeatPlan::new(&[section(&[("A", 2)]), section(&[("B", 1), ("A", 1)])]);
        assert_eq!(
            twice.unwrap_err().0,
            "sections[1].rows[1]: seat A-1 is there twice"
        );
        assert!(SeatPlan::new(&[section(&[("A", 0)])]).is_err());
        assert!(SeatPlan::new(&[section(&[("A B", 1)])]).is_err());
        assert!(SeatPlan::new(&[]).is_err());
        let huge: Vec<_> = (0..3).map(|row| (format!("R{row}"), 65_535)).collect();
        let huge: Vec<_> = huge
            .iter()
            .map(|(name, seats)| (name.as_str(), *seats))
            .collect();
        assert!(SeatPlan::new(&[section(&huge)]).is_err());
    }
}
