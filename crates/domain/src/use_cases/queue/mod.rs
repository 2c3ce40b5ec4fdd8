//! The waiting rooms: what users and operators request, and what the jobs do for their queues.

mod change_queue_policy;
mod clean_restart;
mod close_queues;
mod follow_places;
mod join_queue;
mod leave_queue;
mod look_up_place;
mod mark_sale;
mod pass_gate;
mod record_served;
mod seed_queues;
mod show_line;
mod shown_token;
mod survey_queues;
mod tick_queue;

pub use change_queue_policy::{ChangeQueuePolicy, PolicyAnswer, PolicyInForce, PolicyTurns};
pub use clean_restart::{CleanRestart, Run, Saved, forget_clean_stop};
pub use close_queues::CloseQueues;
pub use follow_places::{FollowAnswer, FollowPlaces, LineSeen};
pub use join_queue::{JoinAnswer, JoinQueue};
pub use leave_queue::{LeaveAnswer, LeaveQueue};
pub use look_up_place::{LookUpAnswer, LookUpPlace};
pub use mark_sale::MarkSale;
pub use pass_gate::{GateAnswer, GateMode, PassGate};
pub use record_served::RecordServed;
pub use seed_queues::{SeedQueues, Seeding};
pub use show_line::{LineAnswer, ShowLine};
pub use survey_queues::SurveyQueues;
pub use tick_queue::{NextTick, QueueTick, TickQueue};
