//! The ranking of popular concerts.

use actix_web::{HttpResponse, http::header, web};
use frontrow_domain::model::{Period, Ranking};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    Services,
    pages::read_limit,
    problem::Problem,
    shapes::{PeriodBody, ProblemBody, RankingBody},
};

/// Which ranking is asked for. Read as text, so that what is wrong can be named.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RankingQuery {
    /// How far to look back; `daily` without it.
    #[param(value_type = Option<PeriodBody>, nullable = false)]
    period: Option<String>,
    /// How many concerts at most: 1 to 20; 20 without it.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 20)]
    limit: Option<String>,
}

/// Rank the concerts by confirmed seats
///
/// Daily, weekly and monthly mean the last finished one, realtime the last 60 finished minutes.
#[utoipa::path(
    get, path = "/v1/rankings/concerts", tag = "rankings", params(RankingQuery),
    responses(
        (status = 200, description = "Best first; ties go to the lower id", body = RankingBody),
        (status = 422, description = "There is no such period", body = ProblemBody),
    ),
)]
pub(crate) async fn concerts(
    services: web::Data<Services>,
    query: web::Query<RankingQuery>,
) -> Result<HttpResponse, Problem> {
    let period = match query.period.as_deref() {
        None => Period::Daily,
        Some(text) => text
            .parse()
            .map_err(|why| Problem::invalid("period", &why))?,
    };
    let most = u16::from(Ranking::MAX_ITEMS);
    let limit = match query.limit.as_deref() {
        None => most,
        Some(text) => read_limit(text, most)?,
    };
    let limit = u8::try_from(limit).unwrap_or(Ranking::MAX_ITEMS);
    let answer = services.rankings.top(period, limit).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=5"))
        .json(RankingBody::from(answer)))
}
