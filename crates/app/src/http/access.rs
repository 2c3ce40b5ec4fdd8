//! The access rules of routes, and the middleware that enforces them.

use std::str::FromStr;

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderMap,
    middleware::Next,
    web,
};
use frontrow_domain::{
    model::{ConcertId, ReservationId, UserId},
    use_cases::{GateAnswer, GateMode, Replay},
};

use super::{
    Services,
    extract::{AdminName, Admitted, Caller},
    headers::{bearer, idempotency_key, queue_token, user_id},
    problem::Problem,
    problem_kinds::ProblemKind,
    reservations::paid_response,
};
use frontrow_identity::{IdentityRefusal, IdentityVerifier};

/// The access rule of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Every client.
    Public,
    /// The bearer of a queue token. The use case of the handler verifies it.
    QueueToken,
    /// A user with an identity.
    Identity,
    /// A user with an identity and an active place in the queue of the concert.
    Protected(Gate),
    /// An operator with an admin key.
    Admin,
}

/// The check of the active place on a protected route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Asks the gate.
    Passes(GateMode),
    /// Asks the gate unless the payment was already made. The payment ended the place, so a repeat
    /// could not pass the gate.
    PassesUnlessPaid,
}

impl Access {
    /// True if nothing is checked before the handler.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Public | Self::QueueToken)
    }

    /// Returns the name shown in the `OpenAPI` document.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::QueueToken => "queue-token",
            Self::Identity => "identity",
            Self::Protected(_) => "protected",
            Self::Admin => "admin",
        }
    }
}

/// Calls the handler of a request if `access` allows it.
pub(crate) async fn check(
    access: Access,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match allow(access, request.request()).await {
        Ok(Verdict::GoOn) => next.call(request).await,
        Ok(Verdict::Answer(response)) => Ok(request.into_response(response)),
        // Converted to a response here, so that the outer middleware receives a response.
        Err(problem) => Ok(request.into_response(problem.error_response())),
    }
}

enum Verdict {
    GoOn,
    Answer(HttpResponse),
}

async fn allow(access: Access, request: &HttpRequest) -> Result<Verdict, Problem> {
    let Some(services) = request.app_data::<web::Data<Services>>() else {
        return Err(Problem::queue_not_ready());
    };
    match access {
        Access::Public | Access::QueueToken => {}
        Access::Identity => {
            let verify = IdentityVerifier::verify_once;
            let user = identity(services, request.headers(), verify)?;
            request.extensions_mut().insert(Caller(user));
        }
        Access::Protected(gate) => {
            // A user with an active place sends the same identity repeatedly, so it is cached.
            let verify = IdentityVerifier::verify;
            let user = identity(services, request.headers(), verify)?;
            match gate {
                Gate::Passes(mode) => pass(services, request, user, mode).await?,
                Gate::PassesUnlessPaid => return pass_unless_paid(services, request, user).await,
            }
        }
        Access::Admin => {
            let name = admin(services, request.headers())?;
            request.extensions_mut().insert(AdminName(name));
        }
    }
    Ok(Verdict::GoOn)
}

/// Returns the user of a request. Errors if the identity is missing or not valid.
fn identity(
    services: &Services,
    headers: &HeaderMap,
    verify: fn(&IdentityVerifier, &str) -> Result<UserId, IdentityRefusal>,
) -> Result<UserId, Problem> {
    if let Some(token) = bearer(headers)? {
        return verify(&services.identities, token).map_err(|why| {
            let detail = match why {
                IdentityRefusal::Invalid => "The identity is not valid.",
                IdentityRefusal::Expired => "The identity has expired.",
            };
            Problem::new(ProblemKind::BAD_IDENTITY, detail)
        });
    }
    let name = user_id(headers)?.filter(|_| services.trusts_x_user_id);
    let Some(name) = name else {
        return Err(Problem::new(
            ProblemKind::NO_IDENTITY,
            "The request has no identity.",
        ));
    };
    UserId::try_from(name)
        .map_err(|why| Problem::new(ProblemKind::BAD_IDENTITY, format!("X-User-Id: {why}.")))
}

fn admin(services: &Services, headers: &HeaderMap) -> Result<String, Problem> {
    bearer(headers)?
        .and_then(|key| services.admins.holder(key))
        .map(str::to_owned)
        .ok_or_else(|| {
            Problem::new(
                ProblemKind::NO_ADMIN_KEY,
                "The request has no admin key of this server.",
            )
        })
}

/// Answers a payment that was already made. Otherwise asks the gate.
async fn pass_unless_paid(
    services: &Services,
    request: &HttpRequest,
    user: UserId,
) -> Result<Verdict, Problem> {
    if let Some(answer) = replay(services, request, &user).await? {
        return Ok(Verdict::Answer(answer));
    }
    let answer = ask_gate(services, request, &user, GateMode::Pay).await?;
    // In the meantime, another request with the same key may have paid and ended the place.
    if answer == GateAnswer::Gone
        && let Some(answer) = replay(services, request, &user).await?
    {
        return Ok(Verdict::Answer(answer));
    }
    admit(request, user, answer)?;
    Ok(Verdict::GoOn)
}

/// Asks the gate about the queue token of the request, and stores the proof for the handler.
async fn pass(
    services: &Services,
    request: &HttpRequest,
    user: UserId,
    mode: GateMode,
) -> Result<(), Problem> {
    let answer = ask_gate(services, request, &user, mode).await?;
    admit(request, user, answer)
}

async fn ask_gate(
    services: &Services,
    request: &HttpRequest,
    user: &UserId,
    mode: GateMode,
) -> Result<GateAnswer, Problem> {
    let concert: Option<ConcertId> = path_id(request, "concert_id")?;
    let token = queue_token(request.headers())?;
    Ok(services.gate.pass(user, token, concert, mode).await?)
}

/// Stores the proof of the gate for the handler. Errors if the gate refused.
fn admit(request: &HttpRequest, user: UserId, answer: GateAnswer) -> Result<(), Problem> {
    let place = match answer {
        GateAnswer::Passed(place) => place,
        GateAnswer::NoToken => {
            return Err(Problem::new(
                ProblemKind::NO_QUEUE_TOKEN,
                "The request has no Queue-Token header.",
            ));
        }
        GateAnswer::Forged => return Err(Problem::forged_token()),
        GateAnswer::OtherUser => {
            return Err(Problem::new(
                ProblemKind::OTHER_USERS_TOKEN,
                "The queue token was issued to another user.",
            ));
        }
        GateAnswer::OtherConcert => return Err(Problem::other_concert()),
        GateAnswer::Waiting(report) => return Err(Problem::still_waiting(&report)),
        GateAnswer::Gone => return Err(Problem::place_gone()),
        GateAnswer::NotReady => return Err(Problem::queue_not_ready()),
    };
    let mut extensions = request.extensions_mut();
    extensions.insert(Admitted(place));
    extensions.insert(Caller(user));
    Ok(())
}

/// Returns the response to a payment that was already made. None if it was not.
async fn replay(
    services: &Services,
    request: &HttpRequest,
    user: &UserId,
) -> Result<Option<HttpResponse>, Problem> {
    let key = idempotency_key(request.headers())?;
    let Some(reservation) = path_id::<ReservationId>(request, "reservation_id")? else {
        return Ok(None);
    };
    match services.pay.replay(user, reservation, &key).await? {
        Replay::First => Ok(None),
        Replay::Paid(paid) => Ok(Some(paid_response(services, &paid))),
        Replay::KeyReused => Err(Problem::key_reused()),
    }
}

/// Returns an id in the path. Text that is not an id is answered as not found.
fn path_id<T: FromStr>(request: &HttpRequest, name: &str) -> Result<Option<T>, Problem> {
    request
        .match_info()
        .get(name)
        .map(|text| text.parse().map_err(|_| Problem::not_found()))
        .transpose()
}
