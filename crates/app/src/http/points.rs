//! The balance of a user, and charges.

use actix_web::{HttpRequest, HttpResponse, web};
use frontrow_domain::{
    model::{Amount, Balance, Invalid},
    ports::ChargeOutcome,
    use_cases::ChargeAnswer,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Services,
    extract::{Body, Caller},
    headers::{idempotency_key, mark_replay},
    problem::Problem,
    problem_kinds::ProblemKind,
    shapes::{PointsBody, ProblemBody},
};

/// The amount to charge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChargeBody {
    /// The amount in whole minor units, at least 1.
    #[schema(value_type = i64, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub(crate) amount: Amount,
}

/// Show your balance
#[utoipa::path(
    get, path = "/v1/points", tag = "points",
    responses((status = 200, description = "The balance", body = PointsBody)),
)]
pub(crate) async fn balance(
    services: web::Data<Services>,
    Caller(user): Caller,
) -> Result<web::Json<PointsBody>, Problem> {
    let balance = services.points.balance(&user).await?;
    Ok(web::Json(shape(&services, balance)))
}

/// Charge your points
#[utoipa::path(
    post, path = "/v1/points/charges", tag = "points", request_body = ChargeBody,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 printable ASCII characters")),
    responses(
        (status = 201, description = "The balance right after the charge. With `Idempotent-Replayed: true` it is the result of an earlier request with the same key", body = PointsBody),
        (status = 403, description = "Users cannot charge their own points on this server", body = ProblemBody),
        (status = 409, description = "The balance would be too large, or a request with the same key is being processed", body = ProblemBody),
        (status = 422, description = "A field is not valid, or the key was used for another request", body = ProblemBody),
    ),
)]
pub(crate) async fn charge(
    services: web::Data<Services>,
    Caller(user): Caller,
    request: HttpRequest,
    Body(body): Body<ChargeBody>,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request.headers())?;
    let answer = services.points.charge_own(&user, body.amount, key).await?;
    charged(&services, answer)
}

/// Returns the response to a charge.
pub(crate) fn charged(services: &Services, answer: ChargeAnswer) -> Result<HttpResponse, Problem> {
    match answer {
        ChargeAnswer::Asked(ChargeOutcome::Charged(charged)) => {
            let mut response = HttpResponse::Created();
            mark_replay(&mut response, charged.replayed);
            Ok(response.json(shape(services, charged.effect.balance)))
        }
        ChargeAnswer::Asked(ChargeOutcome::KeyReused) => Err(Problem::key_reused()),
        ChargeAnswer::Asked(ChargeOutcome::InProgress) => Err(Problem::in_progress()),
        ChargeAnswer::Asked(ChargeOutcome::TooMuch) => Err(Problem::new(
            ProblemKind::BALANCE_LIMIT,
            format!("A balance is at most {}.", Amount::MAX),
        )),
        ChargeAnswer::SelfChargeOff => Err(Problem::new(
            ProblemKind::SELF_CHARGE_OFF,
            "On this server, only operators charge points.",
        )),
        ChargeAnswer::Nothing => Err(Problem::invalid("amount", &Invalid::new("at least 1"))),
    }
}

fn shape(services: &Services, balance: Balance) -> PointsBody {
    PointsBody {
        balance: balance.0.minor_units(),
        currency: services.currency.to_string(),
    }
}
