//! The queue: join, look up, send a heartbeat, leave.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, HeaderValue},
    web,
};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{JoinRefusal, Standing},
    },
    read_models::PlaceReport,
    use_cases::{JoinAnswer, LeaveAnswer, LookUpAnswer},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Services,
    extract::{Body, Caller},
    headers::queue_token,
    problem::Problem,
    problem_kinds::ProblemKind,
    shapes::{PlaceBody, ProblemBody},
};

/// Which queue to join.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinBody {
    #[schema(value_type = uuid::Uuid)]
    concert_id: ConcertId,
}

/// Join a concert's queue
///
/// A user has one place in a queue, and joining again returns it. After a loss of the queue, send
/// the old token to return to the old position.
#[utoipa::path(
    post, path = "/v1/queue/tokens", tag = "queue", request_body = JoinBody,
    params(("Queue-Token" = Option<String>, Header, description = "An earlier token, if there is one")),
    responses(
        (status = 201, description = "A new place", body = PlaceBody),
        (status = 200, description = "The existing place of the user", body = PlaceBody),
        (status = 404, description = "The concert does not exist", body = ProblemBody),
        (status = 409, description = "The queue is closed or full, or the concert is sold out or has ended", body = ProblemBody),
    ),
)]
pub(crate) async fn join(
    services: web::Data<Services>,
    Caller(user): Caller,
    request: HttpRequest,
    Body(body): Body<JoinBody>,
) -> Result<HttpResponse, Problem> {
    let shown = queue_token(request.headers())?;
    match services.join.join(&user, body.concert_id, shown).await? {
        JoinAnswer::Joined(report) => {
            let mut created = HttpResponse::Created();
            created.insert_header((header::LOCATION, "/v1/queue/token"));
            Ok(place(created, &report))
        }
        JoinAnswer::Held(report) => Ok(place(HttpResponse::Ok(), &report)),
        JoinAnswer::Refused(why, _) => Err(match why {
            JoinRefusal::Closed => Problem::new(
                ProblemKind::QUEUE_CLOSED,
                "This queue does not accept joins.",
            ),
            JoinRefusal::Ended => Problem::new(
                ProblemKind::CONCERT_ENDED,
                "The last performance of this concert has started.",
            ),
            JoinRefusal::SoldOut => {
                Problem::new(ProblemKind::SOLD_OUT, "No seat of this concert is left.")
            }
            JoinRefusal::Full => Problem::new(
                ProblemKind::QUEUE_FULL,
                "The number of waiting users has reached its limit.",
            ),
        }),
        JoinAnswer::Missing(missing) => Err(Problem::queue_missing(missing)),
    }
}

/// Look up the place of a token
///
/// Repeat the look-up after `poll_after_ms`. Each look-up is a heartbeat, which keeps a waiting
/// place.
#[utoipa::path(
    get, path = "/v1/queue/token", tag = "queue",
    params(("Queue-Token" = String, Header)),
    responses(
        (status = 200, description = "The place", body = PlaceBody),
        (status = 410, description = "The place has ended", body = ProblemBody),
    ),
)]
pub(crate) async fn look_up(
    services: web::Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let report = find(&services, needed_token(&request)?).await?;
    Ok(place(HttpResponse::Ok(), &report))
}

/// Send a heartbeat for a waiting place
///
/// For clients that follow the public line status instead of looking up their place. The answer
/// has a body only once the place is active.
#[utoipa::path(
    post, path = "/v1/queue/token/heartbeat", tag = "queue",
    params(("Queue-Token" = String, Header)),
    responses(
        (status = 204, description = "The place waits"),
        (status = 200, description = "The place is active", body = PlaceBody),
        (status = 410, description = "The place has ended", body = ProblemBody),
    ),
)]
pub(crate) async fn heartbeat(
    services: web::Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let report = find(&services, needed_token(&request)?).await?;
    Ok(match report.place.standing {
        Standing::Waiting { .. } => HttpResponse::NoContent().finish(),
        Standing::Active { .. } => place(HttpResponse::Ok(), &report),
    })
}

/// Leave the queue
///
/// Seats stay held until the hold ends or is released.
#[utoipa::path(
    delete, path = "/v1/queue/token", tag = "queue",
    params(("Queue-Token" = String, Header)),
    responses(
        (status = 204, description = "The place has ended"),
        (status = 410, description = "The place had already ended", body = ProblemBody),
    ),
)]
pub(crate) async fn leave(
    services: web::Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let token = needed_token(&request)?;
    match services.leave.leave(token).await? {
        LeaveAnswer::Left => Ok(HttpResponse::NoContent().finish()),
        LeaveAnswer::Forged => Err(Problem::forged_token()),
        LeaveAnswer::Gone => Err(Problem::place_gone()),
        LeaveAnswer::NotReady => Err(Problem::queue_not_ready()),
    }
}

/// Looks up the place of a token, which is a heartbeat.
pub(super) async fn find(services: &Services, token: &str) -> Result<PlaceReport, Problem> {
    match services.look_up.look_up(token).await? {
        LookUpAnswer::Found(report) => Ok(report),
        LookUpAnswer::Forged => Err(Problem::forged_token()),
        LookUpAnswer::Gone => Err(Problem::place_gone()),
        LookUpAnswer::NotReady => Err(Problem::queue_not_ready()),
    }
}

pub(super) fn needed_token(request: &HttpRequest) -> Result<&str, Problem> {
    queue_token(request.headers())?.ok_or_else(|| {
        Problem::new(
            ProblemKind::NO_QUEUE_TOKEN,
            "The request has no Queue-Token header.",
        )
    })
}

fn place(mut response: HttpResponseBuilder, report: &PlaceReport) -> HttpResponse {
    let mut body = Vec::with_capacity(PLACE_BYTES);
    // Serializing strings and numbers does not fail.
    let _ = serde_json::to_writer(&mut body, &PlaceBody::from(report));
    let json = HeaderValue::from_static("application/json");
    response
        .insert_header((header::CONTENT_TYPE, json))
        .body(body)
}

/// The approximate length of a place in JSON, in bytes.
const PLACE_BYTES: usize = 1_024;
