//! The shape of a ranking.

use frontrow_domain::{
    model::{Period, RankedConcert},
    read_models::RankingAnswer,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::same_names;

/// The concerts with the most confirmed seats in a period.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankingBody {
    pub(crate) period: PeriodBody,
    /// The first instant of the period.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    /// The first instant after the period.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) to: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) as_of: Timestamp,
    /// True if neither the cache nor the database returned a newer ranking in time.
    pub(crate) stale: bool,
    pub(crate) items: Vec<RankedBody>,
}

/// The period of a ranking.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeriodBody {
    Realtime,
    Daily,
    Weekly,
    Monthly,
}

/// A concert in a ranking.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankedBody {
    pub(crate) rank: usize,
    pub(crate) concert_id: Uuid,
    pub(crate) title: String,
    pub(crate) seats_sold: u64,
}

same_names!(Period => PeriodBody { Realtime, Daily, Weekly, Monthly });

impl RankingBody {
    /// The shape of the first `limit` concerts of an answer.
    pub(crate) fn new(RankingAnswer { ranking, stale, .. }: &RankingAnswer, limit: u8) -> Self {
        let ranked = |(at, concert): (usize, &RankedConcert)| RankedBody {
            rank: at + 1,
            concert_id: concert.concert.0,
            title: concert.title.clone(),
            seats_sold: concert.seats_sold,
        };
        let first = ranking.items.iter().take(limit.into());
        Self {
            period: ranking.period.into(),
            from: ranking.span.from,
            to: ranking.span.to,
            as_of: ranking.as_of,
            stale: *stale,
            items: first.enumerate().map(ranked).collect(),
        }
    }
}
