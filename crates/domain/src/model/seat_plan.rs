//! The seat plan of a performance: sections, rows and prices, as an operator describes them.

use std::collections::HashSet;

use super::{Amount, Invalid, SeatLabel};

/// One row of a section: seats numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's name. Seat 7 of row `A` has the label `A-7`.
    pub name: String,
    /// Number of its seats.
    pub seats: u16,
}

/// A part of the hall with one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name, as shown to buyers: 1 to 40 characters.
    pub name: String,
    /// The price of each of its seats.
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
    /// Its label.
    pub label: SeatLabel,
    /// The part of the hall that it is in.
    pub section: String,
    /// Its price.
    pub price: Amount,
}

impl SeatPlan {
    /// The largest number of seats of one performance.
    pub const MAX_SEATS: usize = 100_000;

    /// The highest price of a seat, in minor units, so that the total of one hold, with up to
    /// [`SeatSelection::MAX`](super::SeatSelection::MAX) seats, is always an [`Amount`].
    pub const MAX_PRICE: i64 = Amount::MAX.minor_units() / 4;

    /// The largest number of faults of one plan that is returned.
    const MAX_FAULTS: usize = 20;

    /// Makes the plan with these sections.
    ///
    /// # Errors
    /// Every faulty section and row, up to a limit, each named by its field in the form
    /// `sections[1].rows[0].name`.
    pub fn new(sections: &[Section]) -> Result<Self, Vec<(String, Invalid)>> {
        let mut draft = Draft::default();
        for (at, section) in sections.iter().enumerate() {
            draft.add(&format!("sections[{at}]"), section);
            if draft.seats.len() > Self::MAX_SEATS {
                draft.fault("sections", format!("at most {} seats", Self::MAX_SEATS));
                break;
            }
            if draft.faults.len() >= Self::MAX_FAULTS {
                break;
            }
        }
        if draft.seats.is_empty() && draft.faults.is_empty() {
            draft.fault("sections", "at least one seat");
        }
        if draft.faults.is_empty() {
            Ok(Self(draft.seats))
        } else {
            draft.faults.truncate(Self::MAX_FAULTS);
            Err(draft.faults)
        }
    }

    /// The seats, in the order in which a seat map shows them.
    #[must_use]
    pub fn seats(&self) -> &[PlannedSeat] {
        &self.0
    }
}

/// A plan that is being built.
#[derive(Default)]
struct Draft {
    seats: Vec<PlannedSeat>,
    labels: HashSet<SeatLabel>,
    faults: Vec<(String, Invalid)>,
}

impl Draft {
    fn fault(&mut self, field: impl Into<String>, why: impl Into<String>) {
        self.faults.push((field.into(), Invalid::new(why)));
    }

    /// Adds the seats of a section. Stops once there are too many.
    fn add(&mut self, place: &str, section: &Section) {
        let name = section.name.trim();
        let fits = (1..=40).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            let why = "1 to 40 characters without control characters";
            self.fault(format!("{place}.name"), why);
        }
        if section.price.minor_units() > SeatPlan::MAX_PRICE {
            let why = format!("at most {}", SeatPlan::MAX_PRICE);
            self.fault(format!("{place}.price"), why);
        }
        for (at, row) in section.rows.iter().enumerate() {
            if let Err((field, why)) = self.add_row(name, section.price, row) {
                self.fault(format!("{place}.rows[{at}]{field}"), why.0);
            }
            let full = self.seats.len() > SeatPlan::MAX_SEATS;
            if full || self.faults.len() >= SeatPlan::MAX_FAULTS {
                return;
            }
        }
    }

    /// Adds the seats of a row up to the first faulty one.
    fn add_row(
        &mut self,
        section: &str,
        price: Amount,
        row: &Row,
    ) -> Result<(), (&'static str, Invalid)> {
        if row.seats == 0 {
            return Err((".seats", Invalid::new("at least 1")));
        }
        for number in 1..=row.seats {
            let label: SeatLabel = format!("{}-{number}", row.name)
                .parse()
                .map_err(|why| (".name", why))?;
            if !self.labels.insert(label.clone()) {
                let why = format!("seat {label} is in the plan twice");
                return Err((".name", Invalid::new(why)));
            }
            self.seats.push(PlannedSeat {
                label,
                section: section.to_owned(),
                price,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_of_the_most_expensive_seats_has_a_total() {
        let mut expensive = section(&[("A", 4)]);
        expensive.price = Amount::try_from(SeatPlan::MAX_PRICE).unwrap();
        let plan = SeatPlan::new(&[expensive.clone()]).unwrap();
        assert_eq!(plan.seats().len(), crate::model::SeatSelection::MAX);
        let prices = plan.seats().iter().map(|seat| seat.price);
        assert!(Amount::checked_sum(prices).is_some());
        expensive.price = Amount::try_from(SeatPlan::MAX_PRICE + 1).unwrap();
        assert!(SeatPlan::new(&[expensive]).is_err());
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

    /// Returns the faulty fields of a plan.
    fn faults(sections: &[Section]) -> Vec<String> {
        let faults = SeatPlan::new(sections).unwrap_err();
        faults.into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn every_fault_of_a_plan_names_its_field() {
        let mut wrong = section(&[("B", 1), ("A", 1), ("A B", 3), ("C", 0)]);
        wrong.name = " \n ".into();
        wrong.price = Amount::MAX;
        assert_eq!(
            faults(&[section(&[("A", 2)]), wrong]),
            [
                "sections[1].name",
                "sections[1].price",
                "sections[1].rows[1].name",
                "sections[1].rows[2].name",
                "sections[1].rows[3].seats",
            ]
        );
        assert_eq!(faults(&[]), ["sections"]);
        assert_eq!(faults(&[section(&[])]), ["sections"]);
    }

    #[test]
    fn faults_and_seats_have_bounds() {
        let many = section(&[("A", 0); 100]);
        assert_eq!(faults(&[many.clone(), many]).len(), SeatPlan::MAX_FAULTS);
        let rows: Vec<_> = (0..50).map(|row| format!("R{row}")).collect();
        let rows: Vec<_> = rows.iter().map(|name| (name.as_str(), 9_999)).collect();
        assert_eq!(
            faults(&[section(&rows), section(&[("A", 0)])]),
            ["sections"]
        );
    }

    #[test]
    fn a_sections_name_has_no_space_around_it() {
        let mut spaced = section(&[("A", 1)]);
        spaced.name = "  Stalls ".into();
        assert_eq!(
            SeatPlan::new(&[spaced]).unwrap().seats()[0].section,
            "Stalls"
        );
    }
}
