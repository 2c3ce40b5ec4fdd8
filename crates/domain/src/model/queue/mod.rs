//! The waiting room of a concert: its policy, its admission windows, and the places of its users.
//!
//! The stores of queues make their decisions with these functions. Redis repeats some of them in
//! Lua. Where to start:
//!
//! - What an operator sets: [`QueuePolicy`]. What the queue does at an instant: [`QueueTerms`] and
//!   [`EffectiveState`].
//! - A user's entry: [`Place`] and [`Standing`], proved by a [`Ticket`], ordered by [`Arrival`].
//! - Decisions: [`JoinFacts::decide`], [`HeadDecision::of`], [`Admission::room`], [`Deadlines`].
//! - Answers for many users at once: [`LineSnapshot`], [`LineStatus`], [`FollowedPlace`].
//! - The estimated wait: [`WaitEstimate`].
//! - After a loss of the store's data: [`ReentryPeriod`], [`ServedEntry`], [`Servers`], [`Gaps`].

mod active_place;
mod admission;
mod deadlines;
mod estimate;
mod followed_place;
mod gaps;
mod head_decision;
mod join;
mod line;
mod line_status;
mod pace;
mod place;
mod place_state;
mod policy;
mod poll;
mod reentry;
mod sale;
mod seed;
mod served;
mod servers;
mod state;
mod terms;
mod ticket;
mod window;

pub use active_place::ActivePlace;
pub use admission::Admission;
pub use deadlines::{Cutoffs, Deadlines, PlaceEnd};
pub use estimate::{LineTick, ShownPosition, WaitEstimate};
pub use followed_place::{FollowedPlace, PeekAdvice};
pub use gaps::{Gap, Gaps};
pub use head_decision::HeadDecision;
pub use join::{JoinDecision, JoinFacts};
pub use line::{DepartureCursor, Departures, Heartbeat, LineSnapshot, Ordinal};
pub use line_status::{HeartbeatPauses, LineAdvice, LineFollower, LineStatus};
pub use pace::Pace;
pub use place::{GatePurpose, Place, Standing};
pub use place_state::{EventId, NoEventId, PlaceNews, PlaceState};
pub use policy::{
    Capacity, PolicyRules, PolicyState, PolicyVersion, QueuePolicy, Throughput, VersionedPolicy,
};
pub use poll::PollRange;
pub use reentry::ReentryPeriod;
pub use sale::{SaleCount, SaleState};
pub use seed::{QueueSeed, Recovery};
pub use served::{Served, ServedEntry};
pub use servers::{ServerId, Servers};
pub use state::{EffectiveState, JoinRefusal, QueueView};
pub use terms::QueueTerms;
pub use ticket::{Arrival, Generation, Ticket};
pub use window::AdmissionWindow;
