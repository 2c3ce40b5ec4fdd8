//! The line status.

use std::time::Duration;

use frontrow_domain::model::queue::{Arrival, HeartbeatPauses, LineStatus, Throughput};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::QueueBody;

/// The public status of a concert's line, the same for all clients.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineBody {
    /// The instant of the status.
    #[schema(value_type = String, format = DateTime)]
    as_of: Timestamp,
    /// The generation of the queue. Positions from another generation are no longer valid.
    generation: String,
    queue: QueueBody,
    /// The latest arrival that admission has passed, in microseconds since 1970; null before the
    /// first admission from the line. Users who were admitted as they joined do not count.
    #[schema(required)]
    admitted_up_to_us: Option<i64>,
    /// The number of users admitted from the line.
    passed: u64,
    /// The number of waiting users. For some seconds it may count users whose places expired.
    waiting: u64,
    /// The throughput limit of the policy; null without one.
    #[schema(required)]
    pace: Option<PaceBody>,
    /// The start of the admission window that ran when users were last admitted or tried; null
    /// before the first window.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    window_started_at: Option<Timestamp>,
    /// The number of users admitted in that window; null before the first window.
    #[schema(required)]
    window_admitted: Option<u32>,
    /// The end of the re-entry with tokens from before a loss; null if there is none.
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

/// The pause between two heartbeats of a client that only reads the line status, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeartbeatBody {
    /// For positions up to `near_positions`.
    near: u64,
    /// For positions behind `near_positions`.
    far: u64,
    /// The last position that is near: its turn may come soon.
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
