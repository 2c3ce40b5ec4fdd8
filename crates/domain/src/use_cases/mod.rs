//! The use cases: one file for each operation that a caller can request, with the order of its
//! steps.
//!
//! A use case is a struct of the ports that it needs. It returns an enum of all outcomes, refusals
//! included. `Err` is a failure of a store.

mod browse;
mod change_queue_policy;
mod charge_points;
mod clean_restart;
mod close_queues;
mod delete_concerts;
mod edit_concerts;
mod follow_places;
mod hold_seats;
mod join_queue;
mod leave_queue;
mod look_up_place;
mod mark_sale;
mod pass_gate;
mod pay_reservation;
mod queue_statuses;
mod ranking_rollup;
mod reconcile;
mod record_served;
mod release_hold;
mod seat_map_view;
mod seed_queues;
mod show_line;
mod show_reservations;
mod shown_token;
mod snapshot_queue;
mod survey_queues;
mod sweep;
mod tick_queue;
mod top_concerts;
mod warm_rankings;

pub use browse::Browse;
pub use change_queue_policy::{ChangeQueuePolicy, PolicyAnswer, PolicyInForce, PolicyTurns};
pub use charge_points::{ChargeAnswer, ChargePoints};
pub use clean_restart::{CleanRestart, Run, Saved, forget_clean_stop};
pub use close_queues::CloseQueues;
pub use delete_concerts::{DeleteConcerts, DeletedConcert};
pub use edit_concerts::{
    CreatedConcert, CreatedPerformance, EditConcerts, EditedPerformance, PlannedPerformance,
};
pub use follow_places::{FollowAnswer, FollowPlaces, LineSeen};
pub use hold_seats::{HoldAnswer, HoldSeats};
pub use join_queue::{JoinAnswer, JoinQueue};
pub use leave_queue::{LeaveAnswer, LeaveQueue};
pub use look_up_place::{LookUpAnswer, LookUpPlace};
pub use mark_sale::MarkSale;
pub use pass_gate::{GateAnswer, GateMode, PassGate};
pub use pay_reservation::{PayReservation, Replay};
pub use queue_statuses::{PlaceReport, QueueMissing, QueueStatuses};
pub use ranking_rollup::{PruneCounters, RollUpSales};
pub use reconcile::{Reconcile, Reconciled};
pub use record_served::RecordServed;
pub use release_hold::ReleaseHold;
pub use seat_map_view::SeatMapView;
pub use seed_queues::{SeedQueues, Seeding};
pub use show_line::{LineAnswer, ShowLine};
pub use show_reservations::ShowReservations;
pub use snapshot_queue::{LookUpCounts, SharedSnapshot, SnapshotQueue};
pub use survey_queues::SurveyQueues;
pub use sweep::{PurgeKeys, SweepHolds};
pub use tick_queue::{NextTick, QueueTick, TickQueue};
pub use top_concerts::{RankingAnswer, TopConcerts};
pub use warm_rankings::WarmRankings;

#[cfg(test)]
mod ranking_fixture;
#[cfg(test)]
mod testing;
