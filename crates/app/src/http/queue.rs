//! The queue: join, look up, leave.

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
    use_cases::{JoinAnswer, LeaveAnswer, LookUpAnswer, PlaceReport},
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
/// A user has one place in a queue: joining again returns it. After the queue was lost, send the
/// old token along to get the old place back.
#[utoipa::path(
    post, path = "/v1/queue/tokens", tag = "queue", request_body = JoinBody,
    params(("Queue-Token" = Option<String>, Header, description = "A token from before, if any")),
    responses(
        (status = 201, description = "A new place", body = PlaceBody),
        (status = 200, description = "The place that the user had already", body = PlaceBody),
        (status = 404, description = "There is no such concert", body = ProblemBody),
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
            JoinRefusal::Closed => {
                Problem::new(ProblemKind::QUEUE_CLOSED, "Nobody can join this queue now.")
            }
            JoinRefusal::Ended => Problem::new(
                ProblemKind::CONCERT_ENDED,
                "The last performance of this concert has started.",
            ),
            JoinRefusal::SoldOut => {
                Problem::new(ProblemKind::SOLD_OUT, "No seat of this concert is left.")
            }
            JoinRefusal::Full => Problem::new(
                ProblemKind::QUEUE_FULL,
                "As many people wait in this queue as may.",
            ),
        }),
        JoinAnswer::Missing(missing) => Err(Problem::queue_missing(missing)),
    }
}

/// Look up the place of a token
///
/// Look again after `poll_after_ms`. Looking is the heartbeat that keeps a waiting place.
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

/// Say that the bearer of a token still waits
///
/// For clients that follow the line's public status instead of looking up their place. The answer
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
/// Seats that are held stay so until the hold is over, or is released.
#[utoipa::path(
    delete, path = "/v1/queue/token", tag = "queue",
    params(("Queue-Token" = String, Header)),
    responses(
        (status = 204, description = "The place has ended"),
        (status = 410, description = "The place had ended before", body = ProblemBody),
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

/// The place of a token, which lives on.
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
    // A shape of texts and numbers can always be written.
    let _ = serde_json::to_writer(&mut body, &PlaceBody::from(report));
    let json = HeaderValue::from_static("application/json");
    response
        .insert_header((header::CONTENT_TYPE, json))
        .body(body)
}

/// About how long the written form of a place is.
const PLACE_BYTES: usize = 1_024;
