//! The event stream of a place.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    web,
};
use frontrow_domain::model::queue::EventId;

use super::{
    Services,
    problem::Problem,
    problem_kinds::ProblemKind,
    queue::{find, needed_token},
    shapes::{PlaceBody, ProblemBody},
};

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// nginx, and proxies that follow it, do not buffer a response with the value `no`.
static X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Follow the place of a token as server-sent events
///
/// The name of an event is the state of the place (`position`, `turn`, `paused`, `closed`,
/// `sold_out` or `ended`). Its data is what `GET /v1/queue/token` answers, and it has an `id`. The
/// first event is sent at once, unless `Last-Event-ID` shows that the client has it. The last event
/// is `gone`, with a problem document as its data, or `superseded`, if the place has three newer
/// streams on this instance. Opening a stream is a heartbeat, and keeping it open is none: a
/// waiting client continues to send `POST /v1/queue/token/heartbeat`, at the interval
/// `heartbeat_after_ms` of the line status.
#[utoipa::path(
    get, path = "/v1/queue/token/events", tag = "queue",
    params(
        ("Queue-Token" = String, Header),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client received"),
    ),
    responses(
        (status = 200, description = "The events", body = PlaceBody,
            content_type = "text/event-stream"),
        (status = 410, description = "The place has ended", body = ProblemBody),
    ),
)]
pub(crate) async fn follow(
    services: web::Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let token = needed_token(&request)?;
    let permit = services.streams.permit().ok_or_else(|| {
        Problem::new(
            ProblemKind::UNAVAILABLE,
            "This instance has the maximum number of event streams. Look up the place instead.",
        )
    })?;
    let report = find(&services, token).await?;
    let mut response = stream();
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let last = request.headers().get(&LAST_EVENT_ID);
    let last = last.and_then(|id| id.to_str().ok()?.parse::<EventId>().ok());
    Ok(response.body(services.streams.open(permit, report, last)))
}

/// Returns the head of a stream. Its headers ask proxies neither to cache nor to buffer it.
fn stream() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    let value = HeaderValue::from_static;
    response
        .insert_header((header::CONTENT_TYPE, value("text/event-stream")))
        .insert_header((header::CACHE_CONTROL, value("no-store, no-transform")))
        .insert_header((X_ACCEL_BUFFERING.clone(), value("no")))
        // No request follows a stream, so a stop need not wait for the connection to become idle.
        .force_close();
    response
}
