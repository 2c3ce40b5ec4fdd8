//! Reservations: hold, list, show, release and pay.

use actix_web::{HttpRequest, HttpResponse, http::header, rt, web};
use frontrow_domain::{
    model::{
        Applied, HoldRefusal, PerformanceId, Reservation, ReservationId, ReservationState,
        SEATS_PER_USER_MAX, SeatLabel, SeatSelection,
    },
    ports::{HoldOutcome, Paid, PayOutcome, ReleaseOutcome, StoreError},
    use_cases::HoldAnswer,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Services,
    extract::{Admitted, Body, Caller},
    headers::{idempotency_key, mark_replay},
    pages::{PageBody, PageQuery},
    problem::Problem,
    problem_kinds::ProblemKind,
    shapes::{PaymentBody, ProblemBody, ReservationBody},
};

/// Which seats to hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldBody {
    #[schema(value_type = uuid::Uuid)]
    performance_id: PerformanceId,
    /// The labels of 1 to 4 seats.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 4)]
    seats: Vec<SeatLabel>,
}

/// Hold seats
///
/// Holds all of the seats or none. A request for exactly the seats that the user holds already
/// returns that hold.
#[utoipa::path(
    post, path = "/v1/reservations", tag = "reservations", request_body = HoldBody,
    responses(
        (status = 201, description = "The seats are held", body = ReservationBody),
        (status = 200, description = "This user holds these seats already", body = ReservationBody),
        (status = 409, description = "Seats are taken, there are too many, or the user has another hold", body = ProblemBody),
    ),
)]
pub(crate) async fn hold(
    services: web::Data<Services>,
    Admitted(place): Admitted,
    Body(body): Body<HoldBody>,
) -> Result<HttpResponse, Problem> {
    let seats =
        SeatSelection::try_from(body.seats).map_err(|why| Problem::invalid("seats", &why))?;
    let answer = services
        .hold
        .hold(&place, body.performance_id, seats)
        .await?;
    let HoldAnswer::Asked(outcome) = answer else {
        return Err(Problem::new(
            ProblemKind::PLACE_GONE,
            "This place ends too soon: seats that are held now could not be paid in time.",
        ));
    };
    match outcome {
        HoldOutcome::Held(held) => Ok(shown(&services, HttpResponse::Created(), &held)),
        HoldOutcome::AlreadyHeld(held) => Ok(shown(&services, HttpResponse::Ok(), &held)),
        HoldOutcome::Refused(refusal) => Err(not_held(&refusal)),
    }
}

/// List your reservations
#[utoipa::path(
    get, path = "/v1/reservations", tag = "reservations", params(PageQuery),
    responses((status = 200, description = "The newest first", body = PageBody<ReservationBody>)),
)]
pub(crate) async fn list(
    services: web::Data<Services>,
    Caller(user): Caller,
    page: web::Query<PageQuery>,
) -> Result<web::Json<PageBody<ReservationBody>>, Problem> {
    let page = page.read(ReservationId)?;
    let page = services.reservations.list(&user, page).await?;
    Ok(web::Json(PageBody::new(
        page,
        |id| id.0,
        |reservation| ReservationBody::new(&reservation, services.currency),
    )))
}

/// Show one of your reservations
#[utoipa::path(
    get, path = "/v1/reservations/{reservation_id}", tag = "reservations",
    params(("reservation_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The reservation", body = ReservationBody),
        (status = 404, description = "It does not exist, or belongs to another user", body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    services: web::Data<Services>,
    Caller(user): Caller,
    path: web::Path<ReservationId>,
) -> Result<web::Json<ReservationBody>, Problem> {
    let found = services.reservations.find(path.into_inner(), &user).await?;
    let reservation = found.ok_or_else(Problem::not_found)?;
    Ok(web::Json(ReservationBody::new(
        &reservation,
        services.currency,
    )))
}

/// Release a hold
///
/// The place in the queue stays, so other seats can be held with it.
#[utoipa::path(
    delete, path = "/v1/reservations/{reservation_id}", tag = "reservations",
    params(("reservation_id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "The seats are free"),
        (status = 409, description = "The reservation is paid", body = ProblemBody),
        (status = 410, description = "The hold has ended", body = ProblemBody),
    ),
)]
pub(crate) async fn release(
    services: web::Data<Services>,
    Caller(user): Caller,
    path: web::Path<ReservationId>,
) -> Result<HttpResponse, Problem> {
    match services.release.release(path.into_inner(), &user).await? {
        ReleaseOutcome::Released => Ok(HttpResponse::NoContent().finish()),
        ReleaseOutcome::Confirmed => Err(Problem::new(
            ProblemKind::ALREADY_PAID,
            "A paid reservation cannot be released.",
        )),
        ReleaseOutcome::Expired => Err(hold_over()),
        ReleaseOutcome::NotFound => Err(Problem::not_found()),
    }
}

/// Pay a hold with points
///
/// Ends the place in the queue that made the hold. A repeat with the same key is answered with the
/// result of the first request and with `Idempotent-Replayed: true`, at any time later and also
/// after the place has ended. A live hold can be paid until its deadline, also after the
/// performance has started.
#[utoipa::path(
    post, path = "/v1/reservations/{reservation_id}/payment", tag = "reservations",
    params(
        ("reservation_id" = uuid::Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "1 to 255 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "The reservation is paid", body = PaymentBody),
        (status = 402, description = "Not enough points", body = ProblemBody),
        (status = 409, description = "It was paid with another key, or a request with the same key is under way", body = ProblemBody),
        (status = 410, description = "The hold or the place in the queue has ended", body = ProblemBody),
        (status = 422, description = "The key was used for another request", body = ProblemBody),
    ),
)]
pub(crate) async fn pay(
    services: web::Data<Services>,
    Admitted(place): Admitted,
    path: web::Path<ReservationId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request.headers())?;
    // In a separate task, which continues when the client disconnects: after a payment the place
    // must be ended.
    let paying = services.clone();
    let paid = rt::spawn(async move { paying.pay.pay(&place, path.into_inner(), key).await });
    let outcome = paid.await.map_err(StoreError::outcome_unknown)??;
    match outcome {
        PayOutcome::Paid(paid) => Ok(paid_response(&services, &paid)),
        PayOutcome::KeyReused => Err(Problem::key_reused()),
        PayOutcome::InProgress => Err(Problem::in_progress()),
        PayOutcome::NotFound => Err(Problem::not_found()),
        PayOutcome::OtherConcert => Err(Problem::other_concert()),
        PayOutcome::NotHeld(ReservationState::Confirmed { .. }) => Err(Problem::new(
            ProblemKind::ALREADY_PAID,
            "It was already paid with another Idempotency-Key.",
        )),
        PayOutcome::NotHeld(_) => Err(hold_over()),
        PayOutcome::NotEnoughPoints { balance, total } => Err(Problem::new(
            ProblemKind::NOT_ENOUGH_POINTS,
            format!("The seats cost {total} and the balance is {balance}."),
        )
        .with("balance", balance.minor_units())
        .with("total", total.minor_units())),
    }
}

/// Returns the response to a payment by this request, or by an earlier one with the same key.
pub(super) fn paid_response(services: &Services, paid: &Applied<Paid>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    mark_replay(&mut response, paid.replayed);
    response.json(PaymentBody::new(&paid.effect, services.currency))
}

fn hold_over() -> Problem {
    Problem::new(
        ProblemKind::HOLD_OVER,
        "The hold of this reservation has ended.",
    )
}

fn shown(
    services: &Services,
    mut response: actix_web::HttpResponseBuilder,
    reservation: &Reservation,
) -> HttpResponse {
    let location = format!("/v1/reservations/{}", reservation.id);
    response
        .insert_header((header::LOCATION, location))
        .json(ReservationBody::new(reservation, services.currency))
}

/// Reports why seats could not be held.
fn not_held(refusal: &HoldRefusal) -> Problem {
    match refusal {
        HoldRefusal::NoSuchPerformance => {
            Problem::new(ProblemKind::NOT_FOUND, "The performance does not exist.")
        }
        HoldRefusal::OtherConcert => Problem::other_concert(),
        HoldRefusal::SeatsTaken(seats) => Problem::new(
            ProblemKind::SEATS_TAKEN,
            format!("Already taken: {}.", list_of(seats)),
        )
        .with("seats", texts(seats)),
        HoldRefusal::NoSuchSeats(seats) => Problem::invalid_fields([(
            "seats",
            format!("the performance has no seat {}", list_of(seats)),
        )])
        .with("seats", texts(seats)),
        HoldRefusal::SeatLimit { live } => Problem::new(
            ProblemKind::SEAT_LIMIT,
            format!(
                "A user may have at most {SEATS_PER_USER_MAX} seats in a performance, and you already \
                 have {live}."
            ),
        )
        .with("limit", SEATS_PER_USER_MAX)
        .with("live", *live),
        HoldRefusal::OtherHold(id) => Problem::new(
            ProblemKind::HOLD_EXISTS,
            "You already hold other seats of this concert.",
        )
        .with("reservation_id", id.to_string()),
        HoldRefusal::Started => Problem::new(
            ProblemKind::STARTED,
            "The performance has started. A live hold can still be paid.",
        ),
    }
}

fn list_of(seats: &[SeatLabel]) -> String {
    texts(seats).join(", ")
}

fn texts(seats: &[SeatLabel]) -> Vec<String> {
    seats.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn the_schema_has_the_limit_of_seats_in_a_request() {
        let schema = serde_json::to_value(HoldBody::schema()).unwrap();
        let most = schema.pointer("/properties/seats/maxItems");
        assert_eq!(most, Some(&SeatSelection::MAX.into()));
    }
}
