//! Concerts and their performances, as the catalogue shows them and as operators plan them.

use std::fmt;

use jiff::Timestamp;

use super::{
    ConcertId, Invalid, PerformanceId, SeatPlan,
    queue::{SaleState, VersionedPolicy},
};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $type {
            type Error = Invalid;

            fn try_from(text: &str) -> Result<Self, Invalid> {
                let text = text.trim();
                let fits = (1..=$max).contains(&text.chars().count());
                if !fits || text.chars().any(char::is_control) {
                    return Err(Invalid::new(concat!(
                        $what, " is 1 to ", stringify!($max), " characters without control characters",
                    )));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The title of a concert: 1 to 200 characters.
    ConcertTitle, "a title", 200
);
name!(
    /// Where a performance takes place: 1 to 200 characters.
    Venue, "a venue", 200
);

/// A concert as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concert {
    /// Its id, which is also the id of its queue.
    pub id: ConcertId,
    /// Its title.
    pub title: ConcertTitle,
    /// Number of seats in all its performances that have not started.
    pub seats_total: u64,
    /// Number of those seats that are neither sold nor held.
    pub seats_left: u64,
    /// Number of those seats that are sold.
    pub seats_sold: u64,
    /// When its next performance starts. None if all have started, or none is planned.
    pub next_performance_at: Option<Timestamp>,
    /// True if it has a performance, even one that has started.
    pub is_planned: bool,
    /// The master copy of its queue's policy.
    pub policy: VersionedPolicy,
}

impl Concert {
    /// Returns what is left to buy of the concert.
    #[must_use]
    pub fn sale(&self) -> SaleState {
        match (self.is_planned, self.next_performance_at) {
            (false, _) => SaleState::Unplanned,
            (true, None) => SaleState::Ended,
            (true, Some(_)) if self.seats_sold == self.seats_total => SaleState::SoldOut,
            (true, Some(_)) => SaleState::OnSale,
        }
    }
}

/// One performance of a concert: its start, venue and seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performance {
    /// Its id.
    pub id: PerformanceId,
    /// The concert that it belongs to.
    pub concert: ConcertId,
    /// When it starts. From then on its seats are no longer sold.
    pub starts_at: Timestamp,
    /// Its venue.
    pub venue: Venue,
    /// Number of its seats.
    pub seats_total: u64,
    /// Number of those seats that are neither sold nor held.
    pub seats_left: u64,
}

/// A performance that an operator plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerformance {
    /// Its id.
    pub id: PerformanceId,
    /// The concert that it belongs to.
    pub concert: ConcertId,
    /// When it starts.
    pub starts_at: Timestamp,
    /// Its venue.
    pub venue: Venue,
    /// Its seats.
    pub seats: SeatPlan,
}

/// A change of a performance. Fields that are none stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PerformanceEdit {
    /// The new start.
    pub starts_at: Option<Timestamp>,
    /// The new venue.
    pub venue: Option<Venue>,
    /// The new seats.
    pub seats: Option<SeatPlan>,
}

/// The seats of a performance that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerformanceUse {
    /// Number of seats held by holds that have not expired.
    pub held: u64,
    /// Number of sold seats.
    pub sold: u64,
}

impl PerformanceUse {
    /// Returns true if the performance may be deleted: none of its seats is held or sold.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::queue::{PolicyVersion, QueuePolicy};

    #[test]
    fn the_sale_follows_from_the_performances() {
        use SaleState::{Ended, OnSale, SoldOut, Unplanned};
        let next = Some(Timestamp::UNIX_EPOCH);
        for (is_planned, next_performance_at, seats_sold, sale) in [
            (false, None, 0, Unplanned),
            (true, None, 0, Ended),
            (true, next, 0, OnSale),
            (true, next, 2, OnSale),
            (true, next, 3, SoldOut),
        ] {
            let concert = Concert {
                id: ConcertId(Uuid::nil()),
                title: ConcertTitle::try_from("A concert").unwrap(),
                seats_total: 3,
                seats_left: 3 - seats_sold,
                seats_sold,
                next_performance_at,
                is_planned,
                policy: VersionedPolicy {
                    policy: QueuePolicy::default(),
                    version: PolicyVersion(1),
                },
            };
            assert_eq!(concert.sale(), sale, "{is_planned} {next_performance_at:?}");
        }
    }
}
