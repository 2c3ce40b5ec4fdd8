//! The line status, the same for all clients, so that caches can serve it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    web,
};
use frontrow_domain::{model::ConcertId, use_cases::LineAnswer};

use super::{
    Services,
    conditional::answer,
    headers::NO_SNIFFING,
    line_status_cache::WorkerLineStatuses,
    problem::Problem,
    shapes::{LineBody, ProblemBody},
};

/// The times for which caches may serve a status: for 1 s, for 5 s more while they fetch a newer
/// one, and for 20 s if the origin does not answer.
const CACHING: &str = "public, max-age=1, stale-while-revalidate=5, stale-if-error=20";

/// Show the line status
///
/// The status is the same for all clients, is renewed at most every 500 ms, and is meant for a
/// cache in front. A client that has joined follows it instead of looking up its place: while
/// `admitted_up_to_us` is less than its `arrival_us` it waits, its position is `ordinal - passed`
/// and at least 1, and it sends a heartbeat after each `heartbeat_after_ms`. Otherwise it looks up
/// its place at the origin at once, and then after each `poll_after_ms` until the place is active
/// or gone. It also asks the origin if the generation is another one, if the queue recovers, if
/// `reentry_until` is in the future, or if `as_of` is more than 20 s old or earlier than before.
#[utoipa::path(
    get, path = "/v1/concerts/{concert_id}/line", tag = "concerts",
    params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The line status", body = LineBody),
        (status = 304, description = "The status has not changed"),
        (status = 404, description = "The concert does not exist", body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    services: web::Data<Services>,
    path: web::Path<ConcertId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let concert = path.into_inner();
    let look = match services.line.snapshot(concert).await? {
        LineAnswer::Seen(look) => look,
        LineAnswer::Missing(missing) => return Err(Problem::queue_missing(missing)),
    };
    let status = services.line.status(concert, &look);
    let status = status.ok_or_else(Problem::queue_not_ready)?;
    let page = services
        .line_status_cache
        .write(concert, look, &status, services.clock.now());
    let caching = HeaderValue::from_static(CACHING);
    Ok(answer(&request, &page.document, caching))
}

/// Returns the answer of [`show`] if there is a fresh page. Called before the request is routed,
/// because matching a path with an id costs more than the rest of this route.
pub(super) fn fresh(
    services: &Services,
    worker_pages: &WorkerLineStatuses,
    request: &HttpRequest,
) -> Option<HttpResponse> {
    if request.method() != Method::GET {
        return None;
    }
    let path = request.path().strip_prefix("/v1/concerts/")?;
    let concert = path.strip_suffix("/line")?.parse().ok()?;
    let page = worker_pages.fresh(&services.line_status_cache, concert, services.clock.now())?;
    let mut response = answer(request, &page.document, HeaderValue::from_static(CACHING));
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFFING);
    Some(response)
}
