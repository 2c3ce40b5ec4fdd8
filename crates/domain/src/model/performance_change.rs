//! The change that an edit makes to a performance while its seats are on sale.

use jiff::Timestamp;

use super::{PerformanceEdit, PlanChange, SeatLabel, SeatPlan, StandingSeat, Venue};

/// The fields of a performance that an edit may change, apart from its single seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformanceFacts {
    /// When it starts.
    pub starts_at: Timestamp,
    /// Its venue.
    pub venue: Venue,
    /// Number of its seats.
    pub seats_total: u64,
}

/// The effect of an edit on a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformanceChange<'a> {
    /// The performance before the edit.
    pub before: PerformanceFacts,
    /// The performance after the edit.
    pub after: PerformanceFacts,
    /// The new plan and its changes. None if every seat stays as it is.
    pub plan: Option<(&'a SeatPlan, PlanChange)>,
}

impl PerformanceChange<'_> {
    /// Returns true if the edit changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before == self.after && self.plan.is_none()
    }

    /// Returns true if the edit changes the start or the venue.
    #[must_use]
    pub fn moves(&self) -> bool {
        (self.before.starts_at, &self.before.venue) != (self.after.starts_at, &self.after.venue)
    }
}

impl PerformanceEdit {
    /// Returns the effect of this edit on the performance `before`, whose seats are `standing`, in
    /// their order. The seats matter only if this edit has a plan.
    ///
    /// # Errors
    /// The seats in use that the new plan lacks or changes, as [`SeatPlan::replacing`] returns
    /// them.
    pub fn change_of(
        &self,
        before: PerformanceFacts,
        standing: &[StandingSeat],
    ) -> Result<PerformanceChange<'_>, Vec<SeatLabel>> {
        let plan = match &self.seats {
            None => None,
            Some(plan) => Some((plan, plan.replacing(standing)?)),
        };
        let plan = plan.filter(|(_, change)| !change.is_empty());
        let seats_total = match &plan {
            None => before.seats_total,
            Some((plan, _)) => plan.seats().len().try_into().unwrap_or(u64::MAX),
        };
        let after = PerformanceFacts {
            starts_at: self.starts_at.unwrap_or(before.starts_at),
            venue: self.venue.clone().unwrap_or_else(|| before.venue.clone()),
            seats_total,
        };
        Ok(PerformanceChange {
            before,
            after,
            plan,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Row, Section};

    fn plan(seats: u16) -> SeatPlan {
        let stalls = Section {
            name: "Stalls".into(),
            price: Amount::ZERO,
            rows: vec![Row {
                name: "A".into(),
                seats,
            }],
        };
        SeatPlan::new(&[stalls]).unwrap()
    }

    fn standing(in_use: bool) -> Vec<StandingSeat> {
        let seats = plan(2).seats().to_vec();
        let standing = |seat| StandingSeat { seat, in_use };
        seats.into_iter().map(standing).collect()
    }

    fn before() -> PerformanceFacts {
        PerformanceFacts {
            starts_at: Timestamp::UNIX_EPOCH,
            venue: Venue::try_from("Hall").unwrap(),
            seats_total: 2,
        }
    }

    fn edit(seats: u16) -> PerformanceEdit {
        PerformanceEdit {
            seats: Some(plan(seats)),
            ..PerformanceEdit::default()
        }
    }

    #[test]
    fn a_field_that_is_not_given_stays_as_it_is() {
        let nothing = PerformanceEdit::default();
        let change = nothing.change_of(before(), &[]).unwrap();
        assert!(change.is_empty());
        let same = PerformanceEdit {
            venue: Some(before().venue),
            ..edit(2)
        };
        let change = same.change_of(before(), &standing(true)).unwrap();
        assert!(change.is_empty());
    }

    #[test]
    fn a_new_plan_counts_its_seats() {
        let larger = edit(3);
        let change = larger.change_of(before(), &standing(true)).unwrap();
        assert_eq!(change.after.seats_total, 3);
        assert_eq!(change.plan.unwrap().1.added.len(), 1);
    }

    #[test]
    fn seats_in_use_are_kept() {
        let smaller = edit(1);
        let refused = smaller.change_of(before(), &standing(true)).unwrap_err();
        assert_eq!(refused, ["A-2".parse().unwrap()]);
        assert!(smaller.change_of(before(), &standing(false)).is_ok());
    }
}
