//! The notes in the audit table: what an operator did, to what, and the values before and after.

mod policy;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Amount, ConcertId, ConcertTitle, LedgerEntry, LedgerEntryId, NewPerformance, PerformanceChange,
    PerformanceFacts, PerformanceId, PlanChange, PlannedSeat, SeatLabel, queue::VersionedPolicy,
};
use policy::{Policy, PolicyChanges};

/// A note on what an operator did. The store adds the operator and the instant.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditNote {
    /// The action, such as `concert.create`.
    pub action: &'static str,
    /// The id of the changed thing.
    pub subject: String,
    /// The created values, or the changes.
    pub detail: AuditDetail,
}

/// The created values, or for a change each changed field as `{"from": …, "to": …}`. Stores write
/// it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AuditDetail(Detail);

impl AuditNote {
    fn new(action: &'static str, subject: &impl ToString, detail: Detail) -> Self {
        Self {
            action,
            subject: subject.to_string(),
            detail: AuditDetail(detail),
        }
    }

    /// A concert was created, with the policy of its queue.
    #[must_use]
    pub fn concert_created(id: ConcertId, title: &ConcertTitle, policy: &VersionedPolicy) -> Self {
        let detail = Detail::Concert {
            policy: policy.into(),
            title: title.as_str().into(),
        };
        Self::new("concert.create", &id, detail)
    }

    /// The title of a concert was changed.
    #[must_use]
    pub fn concert_retitled(id: ConcertId, from: &ConcertTitle, to: &ConcertTitle) -> Self {
        let title = Change::between(from.as_str().into(), to.as_str().into());
        Self::new("concert.retitle", &id, Detail::Title { title })
    }

    /// A performance was created.
    #[must_use]
    pub fn performance_created(performance: &NewPerformance) -> Self {
        let detail = Detail::Performance {
            concert: performance.concert,
            seats: performance.seats.seats().len(),
            starts_at: performance.starts_at,
            venue: performance.venue.as_str().into(),
        };
        Self::new("performance.create", &performance.id, detail)
    }

    /// A performance was edited.
    #[must_use]
    pub fn performance_edited(id: PerformanceId, change: &PerformanceChange<'_>) -> Self {
        let detail = PerformanceChanges::from(change);
        Self::new("performance.edit", &id, Detail::PerformanceChanges(detail))
    }

    /// A performance was deleted.
    #[must_use]
    pub fn performance_deleted(
        concert: ConcertId,
        id: PerformanceId,
        facts: &PerformanceFacts,
    ) -> Self {
        let detail = Detail::Performance {
            concert,
            seats: usize::try_from(facts.seats_total).unwrap_or(usize::MAX),
            starts_at: facts.starts_at,
            venue: facts.venue.as_str().into(),
        };
        Self::new("performance.delete", &id, detail)
    }

    /// A concert was deleted.
    #[must_use]
    pub fn concert_deleted(id: ConcertId, title: &ConcertTitle, policy: &VersionedPolicy) -> Self {
        let detail = Detail::Concert {
            policy: policy.into(),
            title: title.as_str().into(),
        };
        Self::new("concert.delete", &id, detail)
    }

    /// The policy of a queue was changed.
    #[must_use]
    pub fn policy_put(concert: ConcertId, from: &VersionedPolicy, to: &VersionedPolicy) -> Self {
        let detail = PolicyChanges::between(from.into(), to.into());
        let detail = Detail::PolicyChanges(Box::new(detail));
        Self::new("queue.policy", &concert, detail)
    }

    /// A user's points were charged, as this row of the ledger says.
    #[must_use]
    pub fn points_charged(entry: &LedgerEntry) -> Self {
        let detail = Detail::Points {
            amount: entry.amount,
            balance: entry.balance.0,
            ledger_entry: entry.id,
        };
        Self::new("points.charge", &entry.user, detail)
    }
}

/// The JSON of a note. Fields have the names that notes use, and are in the order of these names.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Detail {
    Concert {
        policy: Policy,
        title: String,
    },
    Title {
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<Change<String>>,
    },
    Performance {
        concert: ConcertId,
        seats: usize,
        starts_at: Timestamp,
        venue: String,
    },
    PerformanceChanges(PerformanceChanges),
    PolicyChanges(Box<PolicyChanges>),
    Points {
        amount: Amount,
        balance: Amount,
        ledger_entry: LedgerEntryId,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Change<T> {
    from: T,
    to: T,
}

impl<T: PartialEq> Change<T> {
    /// Returns the change. None if nothing has changed.
    fn between(from: T, to: T) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct PerformanceChanges {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reordered: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    seats: Vec<SeatsChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seats_total: Option<Change<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<Change<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    venue: Option<Change<String>>,
}

impl From<&PerformanceChange<'_>> for PerformanceChanges {
    fn from(change: &PerformanceChange<'_>) -> Self {
        let PerformanceChange {
            before,
            after,
            plan,
        } = change;
        let plan = plan.as_ref().map(|(_, plan)| plan);
        let venue = |facts: &PerformanceFacts| facts.venue.as_str().to_owned();
        Self {
            reordered: plan.is_some_and(|plan| plan.reordered),
            seats: plan.map(SeatsChange::of).unwrap_or_default(),
            seats_total: Change::between(before.seats_total, after.seats_total),
            starts_at: Change::between(before.starts_at, after.starts_at),
            venue: Change::between(venue(before), venue(after)),
        }
    }
}

/// Seats with the same change: their section and price before and after. None before if they were
/// added, none after if they were removed.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct SeatsChange {
    from: Option<SeatTerms>,
    labels: Vec<SeatLabel>,
    to: Option<SeatTerms>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct SeatTerms {
    price: Amount,
    section: String,
}

impl From<&PlannedSeat> for SeatTerms {
    fn from(seat: &PlannedSeat) -> Self {
        Self {
            price: seat.price,
            section: seat.section.clone(),
        }
    }
}

impl SeatsChange {
    fn of(change: &PlanChange) -> Vec<Self> {
        let removed = change.removed.iter().map(|seat| (Some(seat), None));
        let changed = change.changed.iter();
        let changed = changed.map(|(from, to)| (Some(from), Some(to)));
        let added = change.added.iter().map(|seat| (None, Some(seat)));
        let mut groups: Vec<Self> = Vec::new();
        for (from, to) in removed.chain(changed).chain(added) {
            let label = to.or(from).map(|seat| seat.label.clone());
            let (from, to) = (from.map(SeatTerms::from), to.map(SeatTerms::from));
            match groups.last_mut() {
                // Neighbours nearly always have the same change.
                Some(last) if last.from == from && last.to == to => last.labels.extend(label),
                _ => groups.push(Self {
                    from,
                    labels: label.into_iter().collect(),
                    to,
                }),
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Row, SeatPlan, Section, StandingSeat};

    fn seats(price: i64, rows: &[(&str, u16)]) -> SeatPlan {
        let row = |&(name, seats): &(&str, u16)| Row {
            name: name.into(),
            seats,
        };
        let stalls = Section {
            name: "Stalls".into(),
            price: Amount::try_from(price).unwrap(),
            rows: rows.iter().map(row).collect(),
        };
        SeatPlan::new(&[stalls]).unwrap()
    }

    fn changes(from: &SeatPlan, to: &SeatPlan) -> Vec<(bool, Vec<String>, bool)> {
        let standing = |seat: &PlannedSeat| StandingSeat {
            seat: seat.clone(),
            in_use: false,
        };
        let standing: Vec<_> = from.seats().iter().map(standing).collect();
        let groups = SeatsChange::of(&to.replacing(&standing).unwrap());
        let describe = |group: SeatsChange| {
            let labels = group.labels.iter().map(ToString::to_string).collect();
            (group.from.is_some(), labels, group.to.is_some())
        };
        groups.into_iter().map(describe).collect()
    }

    #[test]
    fn seats_with_the_same_change_are_one_group() {
        let labels = |labels: &[&str]| labels.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (from, to) = (
            seats(100, &[("A", 2), ("B", 2)]),
            seats(90, &[("B", 2), ("C", 1)]),
        );
        let expected = [
            (true, labels(&["A-1", "A-2"]), false),
            (true, labels(&["B-1", "B-2"]), true),
            (false, labels(&["C-1"]), true),
        ];
        assert_eq!(changes(&from, &to), expected);
    }

    #[test]
    fn values_that_have_not_changed_are_left_out() {
        assert_eq!(Change::between(1, 1), None);
        let plan = seats(100, &[("A", 2)]);
        assert_eq!(changes(&plan, &plan), []);
    }
}
