//! The waiting room of a concert: its policy, its windows, and the places that people have in it.

mod active_place;
mod admission;
mod deadlines;
mod estimate;
mod followed;
mod gaps;
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
mod turn;
mod window;

pub use active_place::ActivePlace;
pub use admission::Admission;
pub use deadlines::{Cutoffs, Deadlines, PlaceEnd};
pub use estimate::{LineTick, ShownPosition, WaitEstimate};
pub use followed::{Followed, Sight};
pub use gaps::{Gap, Gaps};
pub use join::{JoinDecision, JoinFacts};
pub use line::{DepartureCursor, Departures, Heartbeat, LineSnapshot, Turn};
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
pub use turn::HeadDecision;
pub use window::AdmissionWindow;
