//! The route of the ranking of popular concerts.

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderValue, web};
use frontrow_domain::{
    model::{Period, Ranking},
    read_models::RankingAnswer,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Services, conditional,
    pages::read_limit,
    problem::Problem,
    shapes::{PeriodBody, ProblemBody, RankingBody},
};

/// The requested ranking. Read as text, so that a problem can name the field that is not valid.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RankingQuery {
    /// The period of the ranking; `daily` without it.
    #[param(value_type = Option<PeriodBody>, nullable = false)]
    period: Option<String>,
    /// The maximum number of concerts, 1 to 20; 20 without it.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 20)]
    limit: Option<String>,
}

/// Rank the concerts by confirmed seats
///
/// Daily, weekly and monthly mean the last finished period, realtime the last 60 finished minutes.
/// Clients may cache the answer as `Cache-Control` says: a finished period for one hour at most,
/// and never past the start of the next one. Send the `ETag` as `If-None-Match` to get 304 while
/// nothing has changed.
#[utoipa::path(
    get, path = "/v1/rankings/concerts", tag = "rankings", params(RankingQuery),
    responses(
        (status = 200, description = "The best first. In a tie, the lower id comes first", body = RankingBody),
        (status = 304, description = "The ranking has not changed"),
        (status = 422, description = "The period does not exist", body = ProblemBody),
    ),
)]
pub(crate) async fn concerts(
    services: web::Data<Services>,
    query: web::Query<RankingQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (period, limit) = query.read()?;
    let answer = services.rankings.top(period).await?;
    let page = services.ranking_responses.page(&answer, limit);
    let age_max_s = age_max_s(&answer, services.clock.now());
    let caching = HeaderValue::try_from(format!("public, max-age={age_max_s}"));
    // Letters and digits are always valid in a header.
    let caching = caching.unwrap_or(HeaderValue::from_static("no-cache"));
    Ok(conditional::answer(&request, &page, caching))
}

impl RankingQuery {
    fn read(&self) -> Result<(Period, u8), Problem> {
        let period = match self.period.as_deref() {
            None => Period::Daily,
            Some(text) => text
                .parse()
                .map_err(|why| Problem::invalid("period", &why))?,
        };
        let most = u16::from(Ranking::MAX_ITEMS);
        let limit = match self.limit.as_deref() {
            None => most,
            Some(text) => read_limit(text, most)?,
        };
        Ok((period, u8::try_from(limit).unwrap_or(Ranking::MAX_ITEMS)))
    }
}

/// The longest time that clients may keep an answer, in seconds. Some rankings are valid for a
/// month, but an answer in a cache of others cannot be corrected, for example after a change of a
/// title, and a 304 costs little.
const AGE_MAX_S: i64 = 3_600;

/// Returns the time for which clients may keep an answer, in seconds: until it is due to be
/// replaced. One second if it may be replaced at any moment.
fn age_max_s(answer: &RankingAnswer, now: Timestamp) -> i64 {
    if answer.stale {
        return 1;
    }
    let left_s = answer.replaced_at.duration_since(now).as_secs();
    left_s.clamp(1, AGE_MAX_S)
}

#[cfg(test)]
mod tests {
    use frontrow_domain::model::Span;
    use jiff::tz::TimeZone;

    use super::*;

    fn cached_s(period: Period, as_of: &str, now: &str, stale: bool) -> i64 {
        let (as_of, zone) = (as_of.parse().unwrap(), TimeZone::UTC);
        let Span { from, to } = period.span(as_of, &zone);
        let ranking = Ranking {
            period,
            span: Span { from, to },
            as_of,
            items: Vec::new(),
        };
        let answer = RankingAnswer {
            replaced_at: ranking.replaced_at(&zone),
            ranking,
            stale,
        };
        age_max_s(&answer, now.parse().unwrap())
    }

    #[test]
    fn a_finished_period_is_cached_for_an_hour_but_not_past_the_next_period() {
        let morning = "2026-11-22T06:00:00Z";
        let cached = |now, stale| cached_s(Period::Daily, morning, now, stale);
        assert_eq!(cached("2026-11-22T06:00:00Z", false), 3_600);
        assert_eq!(cached("2026-11-22T23:00:00.5Z", false), 3_599);
        assert_eq!(cached("2026-11-22T23:59:50.5Z", false), 9);
        assert_eq!(
            cached("2026-11-23T00:00:01Z", false),
            1,
            "the next period has begun"
        );
        assert_eq!(cached("2026-11-22T06:00:00Z", true), 1);
        let monthly = cached_s(Period::Monthly, morning, morning, false);
        assert_eq!(monthly, 3_600);
    }

    #[test]
    fn a_ranking_that_may_still_change_is_cached_until_then() {
        let early = "2026-11-22T00:00:02Z";
        assert_eq!(cached_s(Period::Daily, early, early, false), 118);
    }

    #[test]
    fn a_realtime_ranking_is_cached_for_seconds() {
        let now = "2026-11-22T06:00:00Z";
        assert_eq!(cached_s(Period::Realtime, now, now, false), 4);
    }
}
