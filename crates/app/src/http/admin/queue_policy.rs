//! How a queue admits people, read and changed while it does.

use actix_web::{HttpResponse, web};
use frontrow_domain::{
    model::{ConcertId, Invalid},
    use_cases::{PolicyAnswer, PolicyInForce},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::policy_shape::{PolicyBody, PolicyChange};
use crate::http::{
    Services,
    extract::{AdminName, Body},
    problem::Problem,
    shapes::ProblemBody,
};

/// A queue's policy, and whether it is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyInForceBody {
    #[serde(flatten)]
    policy: PolicyBody,
    /// Grows with every change.
    version: i64,
    /// False while the queue's store has another version: an older one until it has taken this one, or a newer one
    /// after a restore of the database.
    in_force: bool,
}

/// Show a queue's policy
#[utoipa::path(
    get, path = "/v1/admin/concerts/{concert_id}/queue", tag = "admin",
    params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The policy", body = PolicyInForceBody),
        (status = 404, description = "There is no such concert", body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    services: web::Data<Services>,
    path: web::Path<ConcertId>,
) -> Result<web::Json<PolicyInForceBody>, Problem> {
    let policy = services.policies.read(path.into_inner()).await?;
    let policy = policy.ok_or_else(Problem::not_found)?;
    Ok(web::Json(shape(&policy)))
}

/// Change a queue's policy
///
/// Fields that are missing stay as they are. In force at once for every instance. Of operators who change the
/// policy at the same time, none undoes what another one has set in another field.
#[utoipa::path(
    patch, path = "/v1/admin/concerts/{concert_id}/queue", tag = "admin",
    request_body = PolicyChange, params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "It is in force", body = PolicyInForceBody),
        (status = 202, description = "It is kept, and in force once the queue's store answers", body = PolicyInForceBody),
        (status = 409, description = "Others change this policy all the time; nothing was changed", body = ProblemBody),
        (status = 422, description = "Fields are wrong", body = ProblemBody),
    ),
)]
pub(crate) async fn change(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<ConcertId>,
    Body(body): Body<PolicyChange>,
) -> Result<HttpResponse, Problem> {
    let edit = |policy: &mut _| body.apply(policy);
    let answer = services
        .policies
        .change(path.into_inner(), &edit, body.allow_past, &operator)
        .await?;
    match answer {
        PolicyAnswer::Changed(policy) => {
            let mut response = if policy.in_force {
                HttpResponse::Ok()
            } else {
                HttpResponse::Accepted()
            };
            Ok(response.json(shape(&policy)))
        }
        PolicyAnswer::Invalid(faults) => Err(policy_faults("", &faults)),
        PolicyAnswer::NoSuchConcert => Err(Problem::not_found()),
        PolicyAnswer::Conflict => Err(Problem::policy_conflict()),
    }
}

/// What is wrong with a policy, its fields named from `prefix` on.
pub(crate) fn policy_faults(prefix: &str, faults: &[(&'static str, Invalid)]) -> Problem {
    let named: Vec<_> = faults
        .iter()
        .map(|(field, why)| (format!("{prefix}{field}"), why.to_string()))
        .collect();
    Problem::invalid_fields(
        named
            .iter()
            .map(|(field, why)| (field.as_str(), why.clone())),
    )
}

fn shape(policy: &PolicyInForce) -> PolicyInForceBody {
    PolicyInForceBody {
        policy: PolicyBody::from(&policy.policy.policy),
        version: policy.policy.version.0,
        in_force: policy.in_force,
    }
}
