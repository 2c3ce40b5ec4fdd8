//! The use cases: the steps behind each request and each job.
//!
//! A use case has the ports, read models and other use cases that it needs. If a request can be
//! refused, it returns an enum of all outcomes. `Err` is a failure of a store. Where to start:
//!
//! - Before the gate: [`JoinQueue`], [`LookUpPlace`], [`FollowPlaces`], [`ShowLine`],
//!   [`LeaveQueue`]. The gate is [`PassGate`].
//! - The sale: [`Browse`], [`HoldSeats`], [`PayReservation`], [`ReleaseHold`],
//!   [`ShowReservations`], [`ChargePoints`].
//! - Operators: [`EditConcerts`], [`DeleteConcerts`], [`ChangeQueuePolicy`], [`Reconcile`].
//! - Jobs of the queues: [`TickQueue`], [`SurveyQueues`], [`SeedQueues`], [`MarkSale`],
//!   [`RecordServed`].
//! - Jobs of the database: [`SweepHolds`], [`PurgeKeys`], [`RollUpSales`], [`PruneCounters`],
//!   [`WarmRankings`].
//! - Start and stop: [`CleanRestart`], [`forget_clean_stop`], [`CloseQueues`].

mod catalogue;
mod queue;
mod ranking;
mod sale;

pub use catalogue::*;
pub use queue::*;
pub use ranking::*;
pub use sale::*;
