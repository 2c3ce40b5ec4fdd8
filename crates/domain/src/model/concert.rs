//! Concerts and their performances.

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
    /// What a concert is called: 1 to 200 characters.
    ConcertTitle, "a title", 200
);
name!(
    /// Where a performance takes place: 1 to 200 characters.
    Venue, "a venue", 200
);

/// A concert as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concert {
    /// Its name, and its queue's.
    pub id: ConcertId,
    /// What it is called.
    pub title: ConcertTitle,
    /// How many seats its performances that have not yet started have together.
    pub seats_total: u64,
    /// How many of them are neither sold nor held.
    pub seats_left: u64,
    /// How many of them are sold.
    pub seats_sold: u64,
    /// When its next performance starts; none when all are over, or none is planned.
    pub next_performance_at: Option<Timestamp>,
    /// True where it has a performance, also where that has started.
    pub is_planned: bool,
    /// The master copy of its queue's policy.
    pub policy: VersionedPolicy,
}

impl Concert {
    /// What is left to buy of it.
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

/// One evening of a concert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performance {
    /// Its name.
    pub id: PerformanceId,
    /// Which concert is played.
    pub concert: ConcertId,
    /// When it starts. From then on its seats are no longer sold.
    pub starts_at: Timestamp,
    /// Where.
    pub venue: Venue,
    /// How many seats it has.
    pub seats_total: u64,
    /// How many of them are neither sold nor held.
    pub seats_left: u64,
}

/// A performance that an operator plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerformance {
    /// Its name.
    pub id: PerformanceId,
    /// Which concert is played.
    pub concert: ConcertId,
    /// When it starts.
    pub starts_at: Timestamp,
    /// Where.
    pub venue: Venue,
    /// Its seats.
    pub seats: SeatPlan,
}

/// What is to change in a performance: what is not given stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PerformanceEdit {
    /// Another instant.
    pub starts_at: Option<Timestamp>,
    /// Another venue.
    pub venue: Option<Venue>,
    /// Other seats.
    pub seats: Option<SeatPlan>,
}

/// How many seats of a performance are not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerformanceUse {
    /// Held by holds that are not over.
    pub held: u64,
    /// Sold.
    pub sold: u64,
}

impl PerformanceUse {
    /// True where the performance may be deleted: nobody has a claim to any of its seats.
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
    fn what_is_left_to_buy_follows_from_the_performances() {
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
