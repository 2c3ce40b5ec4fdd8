//! The JSON bodies of the API: `snake_case`, instants as RFC 3339 in UTC, money in whole minor
//! units. Fields that do not apply are null, not missing.

mod catalogue;
mod line;
mod problem;
mod queue;
mod ranking;
mod sale;

pub(crate) use catalogue::{ConcertBody, PerformanceBody, SeatBody};
pub(crate) use line::LineBody;
pub(crate) use problem::ProblemBody;
pub(crate) use queue::{PlaceBody, QueueBody, QueueState};
pub(crate) use ranking::{PeriodBody, RankingBody};
pub(crate) use sale::{PaymentBody, PointsBody, ReservationBody};

/// Converts between an enum of the domain and one of the API that has the same variants.
macro_rules! same_names {
    ($from:path => $to:path { $($name:ident),* }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value { $(<$from>::$name => Self::$name),* }
            }
        }
    };
}
use same_names;
