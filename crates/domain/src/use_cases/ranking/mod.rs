//! The upkeep of the rankings.

mod ranking_rollup;
mod warm_rankings;

pub use ranking_rollup::{PruneCounters, RollUpSales};
pub use warm_rankings::WarmRankings;
