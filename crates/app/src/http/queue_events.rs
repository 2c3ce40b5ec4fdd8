//! The place of a token as a stream of events.

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
/// nginx and others that follow it pass an answer with `no` on as it comes.
static X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Follow the place of a token as server-sent events
///
/// Each event has the name of what the place is now (`position`, `turn`, `paused`, `closed`,
/// `sold_out` or `ended`), an `id`, and as its data what `GET /v1/queue/token` answers. The first
/// comes at once, unless `Last-Event-ID` says that the client knows it. The last is `gone`, with a
/// problem document as its data, or `superseded`, where the place has three newer streams
/// on this instance. Opening a stream is a heartbeat, and nothing after it is: a client that waits
/// goes on to send `POST /v1/queue/token/heartbeat`, as `heartbeat_after_ms` of the state of the
/// line says.
#[utoipa::path(
    get, path = "/v1/queue/token/events", tag = "queue",
    params(
        ("Queue-Token" = String, Header),
        ("Last-Event-ID" = Option<String>, Header, description = "That of the last event"),
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
            "No more event streams can be opened here for now. Look the place up instead.",
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

/// The head of a stream, in which proxies are asked to leave it alone.
fn stream() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    let value = HeaderValue::from_static;
    response
        .insert_header((header::CONTENT_TYPE, value("text/event-stream")))
        .insert_header((header::CACHE_CONTROL, value("no-store, no-transform")))
        .insert_header((X_ACCEL_BUFFERING.clone(), value("no")))
        // Nothing follows a stream, so a stop need not wait for the connection to be idle.
        .force_close();
    response
}
