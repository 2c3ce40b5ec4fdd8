//! The change from one seat plan to another while seats are on sale.

use std::collections::HashMap;

use super::{PlannedSeat, SeatLabel, SeatPlan};

/// A seat of the present plan, and whether it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingSeat {
    /// The seat as planned.
    pub seat: PlannedSeat,
    /// True if it is sold, or held by a hold that has not expired.
    pub in_use: bool,
}

/// The changes of a new plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanChange {
    /// The removed seats, in the order of the old plan.
    pub removed: Vec<PlannedSeat>,
    /// The added seats, in the order of the new plan.
    pub added: Vec<PlannedSeat>,
    /// The seats with another section or price, before and after, in the order of the new plan.
    pub changed: Vec<(PlannedSeat, PlannedSeat)>,
    /// True if the seats that are in both plans are in another order.
    pub reordered: bool,
}

impl PlanChange {
    /// Returns true if both plans are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl SeatPlan {
    /// Returns true if the seats `now` are those of this plan, in its order.
    #[must_use]
    pub fn is_plan_of(&self, now: &[StandingSeat]) -> bool {
        self.seats()
            .iter()
            .eq(now.iter().map(|standing| &standing.seat))
    }

    /// Returns the changes if this plan replaces the seats `now`, which are in their order. The
    /// plan must have every seat in use, with its label, section and price.
    ///
    /// # Errors
    /// The seats in use that would be lost or changed, in their order.
    pub fn replacing(&self, now: &[StandingSeat]) -> Result<PlanChange, Vec<SeatLabel>> {
        let mut planned: HashMap<_, _> = self.seats().iter().map(|new| (&new.label, new)).collect();
        let mut change = PlanChange::default();
        let mut refused = Vec::new();
        let mut kept = Vec::new();
        for StandingSeat { seat, in_use } in now {
            let new = planned.remove(&seat.label);
            if new != Some(seat) && *in_use {
                refused.push(seat.label.clone());
            }
            match new {
                None => change.removed.push(seat.clone()),
                Some(new) => {
                    kept.push(&seat.label);
                    if new != seat {
                        change.changed.push((seat.clone(), new.clone()));
                    }
                }
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        // Labels that are still in the map were not in the old plan.
        let is_new = |seat: &&PlannedSeat| planned.contains_key(&seat.label);
        change.added = self.seats().iter().filter(is_new).cloned().collect();
        let stay = self.seats().iter().filter(|seat| !is_new(seat));
        change.reordered = !stay.map(|seat| &seat.label).eq(kept);
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Row, Section};

    /// The name of a section, the price of its seats, and its rows with their numbers of seats.
    type Part<'a> = (&'a str, i64, &'a [(&'a str, u16)]);

    fn plan(sections: &[Part<'_>]) -> SeatPlan {
        let sections: Vec<_> = sections
            .iter()
            .map(|&(name, price, rows)| Section {
                name: name.into(),
                price: Amount::try_from(price).unwrap(),
                rows: rows
                    .iter()
                    .map(|&(name, seats)| Row {
                        name: name.into(),
                        seats,
                    })
                    .collect(),
            })
            .collect();
        SeatPlan::new(&sections).unwrap()
    }

    /// Returns the seats of `plan`. Those with a label in `in_use` are in use.
    fn standing(plan: &SeatPlan, in_use: &[&str]) -> Vec<StandingSeat> {
        plan.seats()
            .iter()
            .map(|seat| StandingSeat {
                seat: seat.clone(),
                in_use: in_use.contains(&seat.label.as_str()),
            })
            .collect()
    }

    fn labels<'a>(seats: impl IntoIterator<Item = &'a PlannedSeat>) -> Vec<&'a str> {
        seats.into_iter().map(|seat| seat.label.as_str()).collect()
    }

    #[test]
    fn the_same_plan_changes_nothing() {
        let plan = plan(&[("Stalls", 100, &[("A", 3)])]);
        let change = plan.replacing(&standing(&plan, &["A-2"])).unwrap();
        assert!(change.is_empty());
    }

    #[test]
    fn free_seats_may_be_removed_added_and_changed() {
        let old = plan(&[("Stalls", 100, &[("A", 3)]), ("Ring", 50, &[("B", 1)])]);
        let new = plan(&[("Ring", 60, &[("B", 2)]), ("Stalls", 100, &[("A", 2)])]);
        let change = new.replacing(&standing(&old, &["A-1", "A-2"])).unwrap();
        assert_eq!(labels(&change.removed), ["A-3"]);
        assert_eq!(labels(&change.added), ["B-2"]);
        assert_eq!(
            labels(change.changed.iter().map(|(before, _)| before)),
            ["B-1"]
        );
        assert!(change.reordered);
    }

    #[test]
    fn seats_that_only_move_up_are_in_order() {
        let old = plan(&[("Stalls", 100, &[("A", 1), ("B", 2)])]);
        let new = plan(&[("Stalls", 100, &[("B", 2), ("C", 1)])]);
        let change = new.replacing(&standing(&old, &["B-1"])).unwrap();
        assert_eq!(
            (labels(&change.removed), labels(&change.added)),
            (vec!["A-1"], vec!["C-1"])
        );
        assert!(!change.reordered);
    }

    #[test]
    fn a_seat_in_use_keeps_its_label_section_and_price() {
        let old = plan(&[("Stalls", 100, &[("A", 3)])]);
        for wrong in [
            plan(&[("Stalls", 100, &[("B", 3)])]),
            plan(&[("Ring", 100, &[("A", 3)])]),
            plan(&[("Stalls", 99, &[("A", 3)])]),
            plan(&[("Stalls", 100, &[("A", 1)])]),
        ] {
            let refused = wrong.replacing(&standing(&old, &["A-2", "A-3"]));
            let refused = refused.unwrap_err();
            let refused: Vec<_> = refused.iter().map(SeatLabel::as_str).collect();
            assert_eq!(refused, ["A-2", "A-3"]);
        }
    }
}
