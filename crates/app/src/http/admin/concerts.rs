//! Creates, edits and deletes concerts.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use frontrow_domain::{
    model::{ConcertId, ConcertTitle},
    ports::{CreateConcertOutcome, DeleteConcertOutcome},
    use_cases::{CreatedConcert, DeletedConcert},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    edited::{deleted_since, done},
    fields::{Checked, Faults},
    policy_shape::PolicyChange,
    queue_policy::policy_faults,
};
use crate::http::{
    Services,
    concerts::shape,
    extract::{AdminName, Body},
    headers::{mark_replay, optional_idempotency_key},
    json::Object,
    problem::Problem,
    problem_kinds::ProblemKind,
    shapes::{ConcertBody, ProblemBody},
};

/// A new concert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConcertBody {
    /// 1 to 200 characters.
    #[schema(value_type = String)]
    title: Checked<String>,
    /// The fields of the queue policy that differ from the default.
    #[serde(default)]
    #[schema(value_type = PolicyChange)]
    queue: Object<PolicyChange>,
}

/// A change of a concert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConcertChange {
    /// 1 to 200 characters.
    #[schema(value_type = String)]
    title: Checked<String>,
}

/// Create a concert
///
/// Two requests without an `Idempotency-Key` create two concerts.
#[utoipa::path(
    post, path = "/v1/admin/concerts", tag = "admin", request_body = NewConcertBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable ASCII characters, kept for 30 days. A repeat is answered with the concert that the first request created")),
    responses(
        (status = 201, description = "The concert is created. With `Idempotent-Replayed: true` an earlier request with the same key created it", body = ConcertBody),
        (status = 410, description = "An earlier request with the same key created it, and it was deleted since", body = ProblemBody),
        (status = 422, description = "Fields are not valid, or the key was used for another request", body = ProblemBody),
    ),
)]
pub(crate) async fn create(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    request: HttpRequest,
    Body(body): Body<NewConcertBody>,
) -> Result<HttpResponse, Problem> {
    let key = optional_idempotency_key(request.headers())?;
    let mut policy = services.edit.usual_policy();
    body.queue.0.apply(&mut policy);
    let title = read_title(body.title).map_err(|mut faults| {
        for (field, why) in services.edit.policy_faults(&policy) {
            faults.add(&format!("queue.{field}"), &why);
        }
        faults.problem()
    })?;
    let created = services
        .edit
        .create_concert(&title, policy, &operator, key)
        .await?;
    let outcome = match created {
        CreatedConcert::Asked(outcome) => outcome,
        CreatedConcert::InvalidPolicy(faults) => return Err(policy_faults("queue.", &faults)),
    };
    let created = match outcome {
        CreateConcertOutcome::Created(created) => created,
        CreateConcertOutcome::KeyReused => return Err(Problem::key_reused()),
        CreateConcertOutcome::InProgress => return Err(Problem::in_progress()),
    };
    let id = created.effect;
    let Some(concert) = find(&services, id).await? else {
        return Err(deleted_since());
    };
    let mut response = HttpResponse::Created();
    mark_replay(&mut response, created.replayed);
    response.insert_header((header::LOCATION, format!("/v1/concerts/{id}")));
    Ok(response.json(concert))
}

/// Edit a concert
#[utoipa::path(
    patch, path = "/v1/admin/concerts/{concert_id}", tag = "admin",
    request_body = ConcertChange, params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The concert", body = ConcertBody),
        (status = 404, description = "The concert does not exist", body = ProblemBody),
        (status = 422, description = "Fields are not valid", body = ProblemBody),
    ),
)]
pub(crate) async fn edit(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<ConcertId>,
    Body(body): Body<ConcertChange>,
) -> Result<web::Json<ConcertBody>, Problem> {
    let id = path.into_inner();
    let title = read_title(body.title).map_err(Faults::problem)?;
    let outcome = services.edit.retitle_concert(id, &title, &operator).await?;
    done(outcome)?;
    let concert = find(&services, id).await?;
    concert.map(web::Json).ok_or_else(Problem::not_found)
}

/// Delete a concert
///
/// Also deletes its performances, its queue, and its cancelled and expired reservations. The queue
/// must be closed and empty, and no seat may be held or sold. After that, queue tokens of the
/// concert are answered 410.
#[utoipa::path(
    delete, path = "/v1/admin/concerts/{concert_id}", tag = "admin",
    params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "The concert is deleted"),
        (status = 404, description = "The concert does not exist", body = ProblemBody),
        (status = 409, description = "The queue is not closed or not empty, or seats are held or sold", body = ProblemBody),
    ),
)]
pub(crate) async fn delete(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<ConcertId>,
) -> Result<HttpResponse, Problem> {
    let deleted = services
        .delete
        .concert(path.into_inner(), &operator)
        .await?;
    match deleted {
        DeletedConcert::Asked(DeleteConcertOutcome::Deleted) => {
            Ok(HttpResponse::NoContent().finish())
        }
        DeletedConcert::Asked(DeleteConcertOutcome::NotFound) => Err(Problem::not_found()),
        DeletedConcert::Asked(DeleteConcertOutcome::NotClosed) => Err(Problem::new(
            ProblemKind::QUEUE_NOT_CLOSED,
            "The queue of the concert is not closed.",
        )),
        DeletedConcert::Asked(DeleteConcertOutcome::InUse(performance)) => Err(Problem::new(
            ProblemKind::PERFORMANCE_IN_USE,
            format!("Seats of performance {performance} are held or sold."),
        )
        .with("performance_id", performance.to_string())),
        DeletedConcert::QueueInUse => Err(Problem::new(
            ProblemKind::QUEUE_IN_USE,
            "Users have a place in the queue of the concert.",
        )),
    }
}

/// Reads the concert from the database. None if it does not exist.
async fn find(services: &Services, id: ConcertId) -> Result<Option<ConcertBody>, Problem> {
    let now = services.clock.now();
    let concert = services.concerts.concert(id, now).await?;
    Ok(concert.map(|concert| shape(services, &concert)))
}

fn read_title(title: Checked<String>) -> Result<ConcertTitle, Faults> {
    let mut faults = Faults::default();
    let title = title.read(|text| ConcertTitle::try_from(text.as_str()));
    faults.check("title", title).ok_or(faults)
}
