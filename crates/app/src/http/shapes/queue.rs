//! The shapes of a place in a queue and of the queue.

use std::time::Duration;

use frontrow_domain::{
    model::queue::{PolicyState, QueueView, SaleState, Standing},
    read_models::PlaceReport,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::same_names;

/// A user's place in a concert's queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceBody {
    /// Proof of the place, for the `Queue-Token` header. Keep the newest one.
    pub(crate) queue_token: String,
    pub(crate) concert_id: Uuid,
    pub(crate) state: PlaceState,
    /// The position in the line, from 1; null when active. It is never too small. It may count
    /// users ahead who left or whose places expired, until the line has moved past them.
    #[schema(required)]
    pub(crate) position: Option<u64>,
    /// The number of users behind; null when active. It may count users who left, like `position`.
    #[schema(required)]
    pub(crate) people_behind: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) joined_at: Timestamp,
    /// The generation of the queue, as in the line status.
    pub(crate) generation: String,
    /// `joined_at` in microseconds since 1970. It is unique within the queue and decides the order.
    pub(crate) arrival_us: i64,
    /// The position plus the number of users admitted from the line until `as_of`; null when
    /// active. It stays the same while the line moves, and shrinks when users ahead leave. It grows
    /// for a user who stands aside.
    #[schema(required)]
    pub(crate) ordinal: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) admitted_at: Option<Timestamp>,
    /// The deadline of the active place, if nothing extends it; null while waiting.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) active_until: Option<Timestamp>,
    /// The estimated wait in seconds: the rest of the current admission window and then whole
    /// windows, reduced for users ahead who leave. Null when active, while no user is admitted, and
    /// with a capacity limit alone until enough users were admitted.
    #[schema(required)]
    pub(crate) estimated_wait_s: Option<u64>,
    /// The pause before the next look-up, in milliseconds: about a tenth of the estimated wait,
    /// within the configured limits, and spread over clients. Null when active.
    #[schema(required)]
    pub(crate) poll_after_ms: Option<u64>,
    /// The instant of this answer.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) as_of: Timestamp,
    pub(crate) queue: QueueBody,
}

/// Whether a place waits or is active.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlaceState {
    Waiting,
    Active,
}

/// The state of a queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueBody {
    pub(crate) state: QueueState,
    /// When admission starts; null if no instant is set.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) opens_at: Option<Timestamp>,
    /// True during the recovery after a loss: users re-enter, and no user is admitted.
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
    /// The concert has no performance yet. No user is admitted.
    Unplanned,
    /// A performance is in the future, and not all of its seats are sold.
    OnSale,
    /// No seat is free or held. No user can join or is admitted.
    SoldOut,
    /// The last performance has started. No user can join or is admitted.
    Ended,
}

/// The state that an operator has set for a queue.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub(crate) enum QueueState {
    /// Users can join and are admitted.
    #[default]
    Open,
    /// Users can join and wait. No user is admitted.
    Paused,
    /// The limits are off: all users are admitted.
    Bypass,
    /// No user can join or is admitted.
    Closed,
}

/// Read from a string only: the derived reader would also accept an object, and would report null
/// as malformed JSON.
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

/// Returns whole seconds, rounded up.
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
