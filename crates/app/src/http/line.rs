//! The state of a line, for everybody and for caches.

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderValue, web};
use frontrow_domain::{model::ConcertId, use_cases::LineAnswer};

use super::{
    Services,
    conditional::answer,
    problem::Problem,
    shapes::{LineBody, ProblemBody},
};

/// For how long caches may hand a status out: while they ask for a newer one for 5 s more, and
/// where the origin does not answer for 20 s.
const CACHING: &str = "public, max-age=1, stale-while-revalidate=5, stale-if-error=20";

/// Show the state of a line
///
/// The same for everybody, made at most every 500 ms, and meant for a cache in front. A client that
/// has joined follows it instead of looking up its place: while `admitted_up_to_us` is less than
/// its `arrival_us` it waits, its position is `ordinal - passed` and at least 1, and it sends a
/// heartbeat as `heartbeat_after_ms` says. Else it asks the origin for its place at once, and then
/// as `poll_after_ms` says until the place is active or gone. It also asks the origin where the
/// generation is another one, the queue recovers, `reentry_until` is still to come, or `as_of` is
/// more than 20 s old or earlier than before.
#[utoipa::path(
    get, path = "/v1/concerts/{concert_id}/line", tag = "concerts",
    params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The state of the line", body = LineBody),
        (status = 304, description = "It is as it was"),
        (status = 404, description = "There is no such concert", body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    services: web::Data<Services>,
    path: web::Path<ConcertId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let concert = path.into_inner();
    let look = match services.line.look(concert).await? {
        LineAnswer::Seen(look) => look,
        LineAnswer::Missing(missing) => return Err(Problem::queue_missing(missing)),
    };
    let status = || services.line.status(concert, &look);
    let page = services.line_pages.page(concert, look.as_of(), status);
    let page = page.ok_or_else(Problem::queue_not_ready)?;
    let caching = HeaderValue::from_static(CACHING);
    Ok(answer(&request, &page.document, caching))
}
