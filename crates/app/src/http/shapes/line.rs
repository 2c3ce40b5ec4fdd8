//! The state of a line.

use std::time::Duration;

use frontrow_domain::model::queue::{Arrival, HeartbeatPauses, LineStatus, Throughput};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::QueueBody;

/// The state of a concert's line, the same for everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineBody {
    /// When all this was true.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// The life of the queue's store. What was told under another one says nothing any more.
    generation: String,
    queue: QueueBody,
    /// The arrival up to which users were admitted, in microseconds since 1970; null before the
    /// first.
    #[schema(required)]
    admitted_up_to_us: Option<i64>,
    /// How many users were admitted from the line.
    passed: u64,
    /// How many wait. It may count users whose places expired, for some seconds.
    waiting: u64,
    /// The policy's limit in time; null where it has none.
    #[schema(required)]
    pace: Option<PaceBody>,
    /// When the admission window began that ran at the last tick; null before the first.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    window_started_at: Option<Timestamp>,
    /// How many users were admitted in it; null before the first.
    #[schema(required)]
    window_admitted: Option<u32>,
    /// Until when users return to the line with tokens from before a loss; null where they do not.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    reentry_until: Option<Timestamp>,
    heartbeat_after_ms: HeartbeatBody,
}

/// At most `admit` users in each window of `interval_s` seconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaceBody {
    admit: u32,
    interval_s: f64,
}

/// How long a client that only reads the line's state waits between two heartbeats, in
/// milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeartbeatBody {
    /// Up to the position `near_positions`.
    near: u64,
    /// Behind it.
    far: u64,
    /// The last position whose turn may come soon.
    near_positions: u64,
}

impl From<&LineStatus> for LineBody {
    fn from(status: &LineStatus) -> Self {
        Self {
            as_of: status.as_of,
            generation: status.generation.to_string(),
            queue: status.queue.into(),
            admitted_up_to_us: status.admitted_up_to.map(Arrival::micros),
            passed: status.passed,
            waiting: status.waiting,
            pace: status.throughput.map(PaceBody::from),
            window_started_at: status.window.map(|window| window.start),
            window_admitted: status.window.map(|window| window.admitted),
            reentry_until: status.reentry_until,
            heartbeat_after_ms: status.heartbeat_after.into(),
        }
    }
}

impl From<Throughput> for PaceBody {
    fn from(throughput: Throughput) -> Self {
        Self {
            admit: throughput.admit,
            interval_s: throughput.interval.as_secs_f64(),
        }
    }
}

impl From<HeartbeatPauses> for HeartbeatBody {
    fn from(pauses: HeartbeatPauses) -> Self {
        let millis = |pause: Duration| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        Self {
            near: millis(pauses.near),
            far: millis(pauses.far),
            near_positions: pauses.near_positions,
        }
    }
}
