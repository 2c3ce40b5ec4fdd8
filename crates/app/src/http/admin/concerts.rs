//! Concerts, made and edited.

use actix_web::{HttpResponse, http::header, web};
use frontrow_domain::{
    model::{ConcertId, ConcertTitle, queue::QueuePolicy},
    use_cases::CreatedConcert,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    edited::done,
    fields::{Checked, Faults},
    policy_shape::PolicyChange,
    queue_policy::policy_faults,
};
use crate::http::{
    Services,
    concerts::shape,
    extract::{AdminName, Body},
    json::Object,
    problem::Problem,
    shapes::{ConcertBody, ProblemBody},
};

/// A concert to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConcertBody {
    /// 1 to 200 characters.
    #[schema(value_type = String)]
    title: Checked<String>,
    /// Where its queue's policy differs from the default.
    #[serde(default)]
    #[schema(value_type = PolicyChange)]
    queue: Object<PolicyChange>,
}

/// What is to change in a concert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConcertChange {
    /// 1 to 200 characters.
    #[schema(value_type = String)]
    title: Checked<String>,
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
    let mut policy = QueuePolicy::default();
    body.queue.0.apply(&mut policy);
    let title = read_title(body.title).map_err(|mut faults| {
        for (field, why) in services.edit.policy_faults(&policy) {
            faults.add(&format!("queue.{field}"), &why);
        }
        faults.problem()
    })?;
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
        (status = 422, description = "Fields are wrong", body = ProblemBody),
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
    find(&services, id).await.map(web::Json)
}

/// The concert as the database has it now: a snapshot that others are just loading may be older than
/// the edit.
async fn find(services: &Services, id: ConcertId) -> Result<ConcertBody, Problem> {
    let now = services.clock.now();
    let catalogue = services.concerts.catalogue(now).await?;
    let concert = catalogue.iter().find(|concert| concert.id == id);
    let concert = concert.ok_or_else(Problem::not_found)?;
    Ok(shape(services, concert))
}

fn read_title(title: Checked<String>) -> Result<ConcertTitle, Faults> {
    let mut faults = Faults::default();
    let title = title.read(|text| ConcertTitle::try_from(text.as_str()));
    faults.check("title", title).ok_or(faults)
}
