//! Concerts, made and edited.

use actix_web::{HttpResponse, http::header, web};
use frontrow_domain::{
    model::{ConcertId, ConcertTitle, queue::QueuePolicy},
    ports::EditOutcome,
    use_cases::CreatedConcert,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{policy_shape::PolicyChange, queue_policy::policy_faults};
use crate::http::{
    Services,
    concerts::shape,
    extract::{AdminName, Body},
    problem::Problem,
    shapes::{ConcertBody, ProblemBody},
};

/// A concert to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConcertBody {
    /// 1 to 200 characters.
    title: String,
    /// Where its queue's policy differs from the default.
    #[serde(default)]
    queue: PolicyChange,
}

/// What is to change in a concert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConcertChange {
    /// 1 to 200 characters.
    title: String,
}

/// Make a concert
#[utoipa::path(
    post, path = "/v1/admin/concerts", tag = "admin", request_body = NewConcertBody,
    responses(
        (status = 201, description = "It is there, and its queue is served", body = ConcertBody),
        (status = 422, description = "Fields are wrong", body = ProblemBody),
    ),
)]
pub(crate) async fn create(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    Body(body): Body<NewConcertBody>,
) -> Result<HttpResponse, Problem> {
    let title = read_title(&body.title)?;
    let mut policy = QueuePolicy::default();
    body.queue.apply(&mut policy);
    let created = services
        .edit
        .create_concert(&title, policy, &operator)
        .await?;
    match created {
        CreatedConcert::Created(id) => {
            let concert = find(&services, id).await?;
            Ok(HttpResponse::Created()
                .insert_header((header::LOCATION, format!("/v1/concerts/{id}")))
                .json(concert))
        }
        CreatedConcert::InvalidPolicy(faults) => Err(policy_faults("queue.", &faults)),
    }
}

/// Edit a concert
#[utoipa::path(
    patch, path = "/v1/admin/concerts/{concert_id}", tag = "admin",
    request_body = ConcertChange, params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The concert", body = ConcertBody),
        (status = 404, description = "There is no such concert", body = ProblemBody),
    ),
)]
pub(crate) async fn edit(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<ConcertId>,
    Body(body): Body<ConcertChange>,
) -> Result<web::Json<ConcertBody>, Problem> {
    let id = path.into_inner();
    let title = read_title(&body.title)?;
    match services.edit.retitle_concert(id, &title, &operator).await? {
        EditOutcome::Done => find(&services, id).await.map(web::Json),
        EditOutcome::NotFound => Err(Problem::not_found()),
    }
}

async fn find(services: &Services, id: ConcertId) -> Result<ConcertBody, Problem> {
    let concert = services.browse.concert(id).await?;
    let concert = concert.ok_or_else(Problem::not_found)?;
    Ok(shape(services, &concert))
}

fn read_title(text: &str) -> Result<ConcertTitle, Problem> {
    ConcertTitle::try_from(text).map_err(|why| Problem::invalid("title", &why))
}
