//! A place in a queue, and the queue.

use std::time::Duration;

use frontrow_domain::{
    model::queue::{PolicyState, QueueView, SaleState, Standing},
    use_cases::PlaceReport,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::same_names;

/// A user's place in a concert's queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceBody {
    /// Proves the place; for the `Queue-Token` header. Keep the newest.
    pub(crate) queue_token: String,
    pub(crate) concert_id: Uuid,
    pub(crate) state: PlaceState,
    /// From 1, the head of the line; null when active. Never less than the truth. It may count users
    /// ahead who left or whose places expired, until the line has moved past them.
    #[schema(required)]
    pub(crate) position: Option<u64>,
    /// How many wait behind; null when active. It may count users who left, as `position` does.
    #[schema(required)]
    pub(crate) people_behind: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) joined_at: Timestamp,
    /// The life of the queue's store, as the state of the line tells it.
    pub(crate) generation: String,
    /// `joined_at` in microseconds since 1970: unique within the queue, and what decides the order.
    pub(crate) arrival_us: i64,
    /// The position plus the number of users admitted from the line until `as_of`; null when
    /// active. It stays the same while the line moves, and shrinks when users ahead leave. It grows
    /// for a user who stands aside.
    #[schema(required)]
    pub(crate) ordinal: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) admitted_at: Option<Timestamp>,
    /// When the active place ends, if nothing extends it; null while waiting.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) active_until: Option<Timestamp>,
    /// How long the wait is likely to be, in seconds: the rest of the running admission window, then
    /// whole windows, shortened by users ahead who leave. Null when active, while nobody is admitted,
    /// and until enough were admitted where only the places are limited.
    #[schema(required)]
    pub(crate) estimated_wait_s: Option<u64>,
    /// When to look again, in milliseconds: about a tenth of the estimated wait, within the limits that
    /// are configured, and not the same for all. Null when active.
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
    /// What is left to buy.
    pub(crate) sale: SaleStateBody,
    /// True where `sale` is `sold_out`.
    pub(crate) sold_out: bool,
}

/// What is left to buy of a concert.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SaleStateBody {
    /// The concert has no performance yet; nobody is admitted.
    Unplanned,
    /// A performance is to come, and not all of its seats are sold.
    OnSale,
    /// No seat is free or held; nobody can join and nobody is admitted.
    SoldOut,
    /// The last performance has started; nobody can join and nobody is admitted.
    Ended,
}

/// What its operator has switched a queue to.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", try_from = "String")]
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

/// Alone, it would also be read from an object, and null would be no JSON at all.
impl TryFrom<String> for QueueState {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "open" => Ok(Self::Open),
            "paused" => Ok(Self::Paused),
            "bypass" => Ok(Self::Bypass),
            "closed" => Ok(Self::Closed),
            _ => Err("must be open, paused, bypass or closed"),
        }
    }
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
            generation: ticket.generation.to_string(),
            arrival_us: ticket.arrival.micros(),
            ordinal: None,
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
            Standing::Waiting {
                position,
                behind,
                admitted,
            } => {
                body.position = Some(position);
                body.ordinal = Some(position.saturating_add(admitted));
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
            sale: view.sale.into(),
            sold_out: view.sale == SaleState::SoldOut,
        }
    }
}

same_names!(SaleState => SaleStateBody { Unplanned, OnSale, SoldOut, Ended });

same_names!(PolicyState => QueueState { Open, Paused, Bypass, Closed });

same_names!(QueueState => PolicyState { Open, Paused, Bypass, Closed });
