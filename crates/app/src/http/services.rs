//! The dependencies of the handlers.

use std::sync::Arc;

use frontrow_domain::{
    model::Currency,
    ports::{Clock, Concerts},
    read_models::{QueueStatuses, TopConcerts},
    use_cases::{
        Browse, ChangeQueuePolicy, ChargePoints, DeleteConcerts, EditConcerts, HoldSeats,
        JoinQueue, LeaveQueue, LookUpPlace, PassGate, PayReservation, ReleaseHold, ShowLine,
        ShowReservations,
    },
};

use super::{LineStatusCache, RankingResponses, SerializedCache, Streams};
use frontrow_identity::{AdminKeys, IdentityVerifier};

/// The use cases behind the API, the verifiers of senders, and caches. Shared by all threads.
pub(crate) struct Services {
    pub(crate) join: JoinQueue,
    pub(crate) look_up: LookUpPlace,
    pub(crate) leave: LeaveQueue,
    pub(crate) line: ShowLine,
    pub(crate) gate: PassGate,
    pub(crate) browse: Arc<Browse>,
    pub(crate) hold: HoldSeats,
    pub(crate) release: ReleaseHold,
    pub(crate) reservations: ShowReservations,
    pub(crate) pay: PayReservation,
    pub(crate) points: ChargePoints,
    pub(crate) rankings: Arc<TopConcerts>,
    pub(crate) edit: EditConcerts,
    pub(crate) delete: DeleteConcerts,
    pub(crate) policies: ChangeQueuePolicy,
    pub(crate) statuses: Arc<QueueStatuses>,
    pub(crate) concerts: Arc<dyn Concerts>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) currency: Currency,
    pub(crate) identities: IdentityVerifier,
    /// True if a bare `X-User-Id` header is trusted.
    pub(crate) trusts_x_user_id: bool,
    pub(crate) admins: AdminKeys,
    /// Seat maps as JSON, by their ETags.
    pub(crate) seat_maps: SerializedCache,
    /// Rankings as JSON.
    pub(crate) ranking_responses: RankingResponses,
    /// Line statuses as JSON.
    pub(crate) line_status_cache: LineStatusCache,
    /// The open event streams.
    pub(crate) streams: Arc<Streams>,
}
