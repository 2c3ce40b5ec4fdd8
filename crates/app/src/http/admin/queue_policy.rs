//! Shows and changes the policy of a queue.

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

/// The policy of a queue, and whether it is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyInForceBody {
    #[serde(flatten)]
    policy: PolicyBody,
    /// The version. It grows with every change.
    version: i64,
    /// False while the queue store has another version: an older one until it has taken this one,
    /// or a newer one after a restore of the database.
    in_force: bool,
}

/// Show a queue's policy
#[utoipa::path(
    get, path = "/v1/admin/concerts/{concert_id}/queue", tag = "admin",
    params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The policy", body = PolicyInForceBody),
        (status = 404, description = "The concert does not exist", body = ProblemBody),
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
/// Missing fields stay unchanged. The change is in force at once on every instance. If several
/// operators change the policy at the same time, no change undoes another operator's change of
/// another field.
#[utoipa::path(
    patch, path = "/v1/admin/concerts/{concert_id}/queue", tag = "admin",
    request_body = PolicyChange, params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The policy is in force", body = PolicyInForceBody),
        (status = 202, description = "The policy is stored, and will be in force once the queue store answers", body = PolicyInForceBody),
        (status = 409, description = "Other operators changed this policy at each attempt; nothing was changed", body = ProblemBody),
        (status = 422, description = "Fields are not valid", body = ProblemBody),
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

/// Returns the problem of a policy that is not valid. `prefix` stands before the names of the
/// fields.
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
