//! The shapes of what the API answers: JSON, `snake_case`, instants as RFC 3339 in UTC, money in
//! whole minor units. Fields that do not apply are null, not missing.

use std::time::Duration;

use frontrow_domain::{
    model::{
        Concert, Currency, Performance, Period, Reservation, ReservationState, Seat,
        queue::{PolicyState, QueueView, Standing},
    },
    ports::Paid,
    use_cases::{PlaceReport, RankingAnswer},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A user's place in a concert's queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceBody {
    /// Proves the place; for the `Queue-Token` header. Keep the newest.
    pub(crate) queue_token: String,
    pub(crate) concert_id: Uuid,
    pub(crate) state: PlaceState,
    /// From 1, the head of the line; null when active.
    #[schema(required)]
    pub(crate) position: Option<u64>,
    /// How many wait behind; null when active.
    #[schema(required)]
    pub(crate) people_behind: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) joined_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) admitted_at: Option<Timestamp>,
    /// When the active place ends, if nothing extends it; null while waiting.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) active_until: Option<Timestamp>,
    /// Judged by how fast the line moves; null when active, or when nobody can say.
    #[schema(required)]
    pub(crate) estimated_wait_s: Option<u64>,
    /// When to look again; null when active.
    #[schema(required)]
    pub(crate) poll_after_ms: Option<u64>,
    /// When all this was true.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) as_of: Timestamp,
    pub(crate) queue: QueueBody,
}

/// In the line, or past it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlaceState {
    Waiting,
    Active,
}

/// What a queue is like.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueBody {
    pub(crate) state: QueueState,
    /// When it starts to admit people; null when no time was set.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) opens_at: Option<Timestamp>,
    /// True while people bring their places back after the queue was lost; nobody is admitted.
    pub(crate) recovering: bool,
    /// True when no seat is free or held; nobody is admitted.
    pub(crate) sold_out: bool,
}

/// What its operator has switched a queue to.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QueueState {
    /// Join, wait, be admitted.
    #[default]
    Open,
    /// Join and wait; nobody is admitted.
    Paused,
    /// Everybody is admitted.
    Bypass,
    /// Nobody can join and nobody is admitted.
    Closed,
}

/// A concert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConcertBody {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    /// In all performances to come; up to a second old.
    pub(crate) seats_left: u64,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) next_performance_at: Option<Timestamp>,
    pub(crate) queue: QueueBody,
}

/// One evening of a concert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PerformanceBody {
    pub(crate) id: Uuid,
    pub(crate) concert_id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts_at: Timestamp,
    pub(crate) venue: String,
    pub(crate) seats_total: u64,
    /// Up to a second old.
    pub(crate) seats_left: u64,
}

/// A seat of a performance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeatBody {
    pub(crate) label: String,
    pub(crate) section: String,
    /// In whole minor units.
    pub(crate) price: i64,
    pub(crate) currency: String,
    pub(crate) state: SeatStateBody,
}

/// Whether a seat can be had.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeatStateBody {
    Available,
    Held,
    Sold,
}

/// A user's claim to seats.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReservationBody {
    pub(crate) id: Uuid,
    pub(crate) state: ReservationStateBody,
    pub(crate) concert_id: Uuid,
    pub(crate) performance_id: Uuid,
    /// The labels of its seats.
    pub(crate) seats: Vec<String>,
    /// In whole minor units.
    pub(crate) total: i64,
    pub(crate) currency: String,
    /// Until when it must be paid; null unless held.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) held_until: Option<Timestamp>,
    /// When it was paid; null unless confirmed.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) confirmed_at: Option<Timestamp>,
}

/// Where in its life a reservation is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReservationStateBody {
    Held,
    Confirmed,
    Cancelled,
    Expired,
}

/// A paid reservation, and what paying it came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentBody {
    #[serde(flatten)]
    pub(crate) reservation: ReservationBody,
    /// What was taken, in whole minor units.
    pub(crate) charged: i64,
    /// What was left right after it.
    pub(crate) balance: i64,
}

/// A user's points.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PointsBody {
    /// In whole minor units.
    pub(crate) balance: i64,
    pub(crate) currency: String,
}

/// The concerts with most confirmed seats in a period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankingBody {
    pub(crate) period: PeriodBody,
    /// The first instant that counts.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    /// The first instant that no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) to: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) as_of: Timestamp,
    /// True when nothing newer could be had.
    pub(crate) stale: bool,
    pub(crate) items: Vec<RankedBody>,
}

/// How far a ranking looks back.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeriodBody {
    Realtime,
    Daily,
    Weekly,
    Monthly,
}

/// A concert's rank.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankedBody {
    pub(crate) rank: usize,
    pub(crate) concert_id: Uuid,
    pub(crate) title: String,
    pub(crate) seats_sold: u64,
}

/// A problem document (RFC 9457). Some kinds have more members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// A page of this server that explains the problem.
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
}

/// Seconds for people: rounded up.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl From<&PlaceReport> for PlaceBody {
    fn from(report: &PlaceReport) -> Self {
        let ticket = &report.place.ticket;
        let mut body = Self {
            queue_token: report.token.clone(),
            concert_id: ticket.concert.0,
            state: PlaceState::Waiting,
            position: None,
            people_behind: None,
            joined_at: ticket.arrival.at(),
            admitted_at: None,
            active_until: None,
            estimated_wait_s: report.estimated_wait.map(whole_seconds),
            poll_after_ms: report
                .poll_after
                .map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
            as_of: report.as_of,
            queue: report.place.queue.into(),
        };
        match report.place.standing {
            Standing::Waiting { position, behind } => {
                body.position = Some(position);
                body.people_behind = Some(behind);
            }
            Standing::Active {
                admitted_at, until, ..
            } => {
                body.state = PlaceState::Active;
                body.admitted_at = Some(admitted_at);
                body.active_until = Some(until);
            }
        }
        body
    }
}

impl From<QueueView> for QueueBody {
    fn from(view: QueueView) -> Self {
        Self {
            state: view.state.into(),
            opens_at: view.opens_at,
            recovering: view.recovering,
            sold_out: view.sold_out,
        }
    }
}

impl ReservationStateBody {
    /// The name, as in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

macro_rules! same_names {
    ($from:path => $to:path { $($name:ident),* }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value { $(<$from>::$name => Self::$name),* }
            }
        }
    };
}

same_names!(PolicyState => QueueState { Open, Paused, Bypass, Closed });
same_names!(QueueState => PolicyState { Open, Paused, Bypass, Closed });
same_names!(frontrow_domain::model::SeatState => SeatStateBody { Available, Held, Sold });
same_names!(Period => PeriodBody { Realtime, Daily, Weekly, Monthly });

impl ConcertBody {
    /// `concert`, whose queue was last seen like `queue`.
    pub(crate) fn new(concert: Concert, queue: QueueView) -> Self {
        Self {
            id: concert.id.0,
            title: concert.title.to_string(),
            seats_left: concert.seats_left,
            next_performance_at: concert.next_performance_at,
            queue: queue.into(),
        }
    }
}

impl From<Performance> for PerformanceBody {
    fn from(performance: Performance) -> Self {
        Self {
            id: performance.id.0,
            concert_id: performance.concert.0,
            starts_at: performance.starts_at,
            venue: performance.venue.to_string(),
            seats_total: performance.seats_total,
            seats_left: performance.seats_left,
        }
    }
}

impl SeatBody {
    /// `seat`, priced in `currency`.
    pub(crate) fn new(seat: &Seat, currency: Currency) -> Self {
        Self {
            label: seat.label.to_string(),
            section: seat.section.clone(),
            price: seat.price.minor_units(),
            currency: currency.to_string(),
            state: seat.state.into(),
        }
    }
}

impl ReservationBody {
    /// `reservation`, priced in `currency`.
    pub(crate) fn new(reservation: &Reservation, currency: Currency) -> Self {
        let (state, held_until, confirmed_at) = match reservation.state {
            ReservationState::Held { until } => (ReservationStateBody::Held, Some(until), None),
            ReservationState::Confirmed { at } => (ReservationStateBody::Confirmed, None, Some(at)),
            ReservationState::Cancelled => (ReservationStateBody::Cancelled, None, None),
            ReservationState::Expired => (ReservationStateBody::Expired, None, None),
        };
        Self {
            id: reservation.id.0,
            state,
            concert_id: reservation.concert.0,
            performance_id: reservation.performance.0,
            seats: reservation
                .seats
                .iter()
                .map(|seat| seat.label.to_string())
                .collect(),
            total: reservation.total.minor_units(),
            currency: currency.to_string(),
            held_until,
            confirmed_at,
        }
    }
}

impl PaymentBody {
    /// What was paid, in `currency`.
    pub(crate) fn new(paid: &Paid, currency: Currency) -> Self {
        Self {
            reservation: ReservationBody::new(&paid.reservation, currency),
            charged: paid.charged.minor_units(),
            balance: paid.balance.0.minor_units(),
        }
    }
}

impl From<RankingAnswer> for RankingBody {
    fn from(RankingAnswer { ranking, stale }: RankingAnswer) -> Self {
        let ranked = |(at, concert): (usize, frontrow_domain::model::RankedConcert)| RankedBody {
            rank: at + 1,
            concert_id: concert.concert.0,
            title: concert.title,
            seats_sold: concert.seats_sold,
        };
        Self {
            period: ranking.period.into(),
            from: ranking.span.from,
            to: ranking.span.to,
            as_of: ranking.as_of,
            stale,
            items: ranking.items.into_iter().enumerate().map(ranked).collect(),
        }
    }
}
