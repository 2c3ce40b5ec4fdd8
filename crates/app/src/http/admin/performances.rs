//! Creates, edits and deletes performances and their seats.

use actix_web::{HttpRequest, HttpResponse, web};
use frontrow_domain::{
    model::{ConcertId, Invalid, Page, PerformanceEdit, PerformanceId, Venue, planned},
    ports::{CreatePerformanceOutcome, DeletePerformanceOutcome},
    use_cases::{CreatedPerformance, EditedPerformance, PlannedPerformance},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    edited::{deleted_since, done, slot_taken},
    fields::{Change, Checked, Faults},
    seat_plan_shape::{SectionBody, read_plan},
};
use crate::http::{
    Services,
    extract::{AdminName, Body},
    headers::{mark_replay, optional_idempotency_key},
    json::Object,
    pages::{PageBody, PageQuery},
    problem::Problem,
    problem_kinds::ProblemKind,
    shapes::{PerformanceBody, ProblemBody},
};

/// A new performance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerformanceBody {
    #[schema(value_type = String, format = DateTime)]
    starts_at: Checked<Timestamp>,
    /// 1 to 200 characters.
    #[schema(value_type = String)]
    venue: Checked<String>,
    /// The sections of the hall, in the order in which they are shown.
    #[schema(value_type = Vec<SectionBody>)]
    sections: Vec<Object<SectionBody>>,
    /// Whether the start may be in the past, or before the queue opens.
    #[serde(default)]
    allow_past: bool,
}

/// A change of a performance, with at least one field. Missing fields stay unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PerformanceChange {
    #[serde(default)]
    #[schema(value_type = String, format = DateTime)]
    starts_at: Change<Checked<Timestamp>>,
    /// 1 to 200 characters.
    #[serde(default)]
    #[schema(value_type = String)]
    venue: Change<Checked<String>>,
    /// All sections of the new plan.
    #[serde(default)]
    #[schema(value_type = Vec<SectionBody>)]
    sections: Change<Vec<Object<SectionBody>>>,
    /// Whether the new start may be in the past, or before the queue opens.
    #[serde(default)]
    allow_past: bool,
}

/// List a concert's performances
#[utoipa::path(
    get, path = "/v1/admin/concerts/{concert_id}/performances", tag = "admin",
    params(("concert_id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, description = "The earliest first", body = PageBody<PerformanceBody>)),
)]
pub(crate) async fn list(
    services: web::Data<Services>,
    path: web::Path<ConcertId>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<PageBody<PerformanceBody>>, Problem> {
    let concert = path.into_inner();
    let page = page.read(PerformanceId)?;
    if services.browse.concert(concert).await?.is_none() {
        return Err(Problem::not_found());
    }
    // Read from the database, so that it includes performances that another instance just created.
    let performances = services.concerts.performances(concert).await?;
    Ok(web::Json(PageBody::new(
        Page::of_list(&performances, page, |performance| performance.id),
        |id| id.0,
        PerformanceBody::from,
    )))
}

/// Create a performance with all its seats
///
/// A concert has at most one performance with the same start and venue, so the request can be
/// repeated even without an `Idempotency-Key`.
#[utoipa::path(
    post, path = "/v1/admin/concerts/{concert_id}/performances", tag = "admin",
    request_body = NewPerformanceBody,
    params(
        ("concert_id" = uuid::Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable ASCII characters, kept for 30 days. A repeat is answered with the performance that the first request created"),
    ),
    responses(
        (status = 201, description = "The performance is created, and on sale until it starts. With `Idempotent-Replayed: true` an earlier request with the same key created it", body = PerformanceBody),
        (status = 200, description = "The performance existed already, with the same seats and prices", body = PerformanceBody),
        (status = 404, description = "The concert does not exist", body = ProblemBody),
        (status = 409, description = "A performance with this start and venue has other seats or prices, and is named; or a request with the same key is being processed", body = ProblemBody),
        (status = 410, description = "An earlier request with the same key created it, and it was deleted since", body = ProblemBody),
        (status = 422, description = "Fields are not valid, or the key was used for another request", body = ProblemBody),
    ),
)]
pub(crate) async fn create(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<ConcertId>,
    request: HttpRequest,
    Body(body): Body<NewPerformanceBody>,
) -> Result<HttpResponse, Problem> {
    let concert = path.into_inner();
    let key = optional_idempotency_key(request.headers())?;
    let mut faults = Faults::default();
    let starts_at = faults.check("starts_at", body.starts_at.read(planned));
    let venue = faults.check("venue", read_venue(body.venue));
    let seats = read_plan(body.sections, &mut faults);
    let (Some(starts_at), Some(venue), Some(seats)) = (starts_at, venue, seats) else {
        return Err(faults.problem());
    };
    let planned = PlannedPerformance {
        concert,
        starts_at,
        venue,
        seats,
        allow_past: body.allow_past,
    };
    let created = services
        .edit
        .create_performance(planned, &operator, key)
        .await?;
    let outcome = match created {
        CreatedPerformance::Asked(outcome) => outcome,
        CreatedPerformance::Implausible(why) => return Err(Problem::invalid("starts_at", &why)),
    };
    let (mut response, id) = match outcome {
        CreatePerformanceOutcome::Created(created) => {
            let mut response = HttpResponse::Created();
            mark_replay(&mut response, created.replayed);
            (response, created.effect)
        }
        CreatePerformanceOutcome::Exists(id) => (HttpResponse::Ok(), id),
        CreatePerformanceOutcome::SlotTaken(there) => return Err(slot_taken(there)),
        CreatePerformanceOutcome::NoSuchConcert => return Err(Problem::not_found()),
        CreatePerformanceOutcome::KeyReused => return Err(Problem::key_reused()),
        CreatePerformanceOutcome::InProgress => return Err(Problem::in_progress()),
    };
    match find(&services, concert, id).await? {
        Some(performance) => Ok(response.json(performance)),
        None => Err(deleted_since()),
    }
}

/// Edit a performance
///
/// Changes its start, venue and seats: all fields of the request or none. Seats that are held or
/// sold must be unchanged in the new plan. Other seats may be added and removed, and may change
/// their section and price.
#[utoipa::path(
    patch, path = "/v1/admin/concerts/{concert_id}/performances/{performance_id}", tag = "admin",
    request_body = PerformanceChange,
    params(("concert_id" = uuid::Uuid, Path), ("performance_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The performance", body = PerformanceBody),
        (status = 404, description = "The performance does not exist", body = ProblemBody),
        (status = 409, description = "The plan lacks or changes seats that are held or sold, or another performance has this start and venue; the answer names them", body = ProblemBody),
        (status = 422, description = "Fields are not valid, or there is no field", body = ProblemBody),
    ),
)]
pub(crate) async fn edit(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<(ConcertId, PerformanceId)>,
    Body(body): Body<PerformanceChange>,
) -> Result<web::Json<PerformanceBody>, Problem> {
    let (concert, id) = path.into_inner();
    let allow_past = body.allow_past;
    let edit = read_edit(body)?;
    let edited = services
        .edit
        .edit_performance(concert, id, &edit, allow_past, &operator)
        .await?;
    match edited {
        EditedPerformance::Asked(outcome) => done(outcome)?,
        EditedPerformance::Implausible(why) => return Err(Problem::invalid("starts_at", &why)),
    }
    let performance = find(&services, concert, id).await?;
    performance.map(web::Json).ok_or_else(Problem::not_found)
}

/// Delete a performance
///
/// Also deletes its seats, and its cancelled and expired reservations. No seat may be held or sold.
#[utoipa::path(
    delete, path = "/v1/admin/concerts/{concert_id}/performances/{performance_id}", tag = "admin",
    params(("concert_id" = uuid::Uuid, Path), ("performance_id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "The performance is deleted"),
        (status = 404, description = "The performance does not exist", body = ProblemBody),
        (status = 409, description = "Seats are held or sold", body = ProblemBody),
    ),
)]
pub(crate) async fn delete(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<(ConcertId, PerformanceId)>,
) -> Result<HttpResponse, Problem> {
    let (concert, id) = path.into_inner();
    let deleted = services.delete.performance(concert, id, &operator).await?;
    match deleted {
        DeletePerformanceOutcome::Deleted => Ok(HttpResponse::NoContent().finish()),
        DeletePerformanceOutcome::NotFound => Err(Problem::not_found()),
        DeletePerformanceOutcome::InUse(used) => Err(Problem::new(
            ProblemKind::PERFORMANCE_IN_USE,
            format!("{} seats are held, {} sold.", used.held, used.sold),
        )
        .with("seats_held", used.held)
        .with("seats_sold", used.sold)),
    }
}

fn read_edit(body: PerformanceChange) -> Result<PerformanceEdit, Problem> {
    let mut faults = Faults::default();
    let starts_at = body.starts_at.given();
    let starts_at =
        starts_at.and_then(|starts_at| faults.check("starts_at", starts_at.read(planned)));
    let venue = body.venue.given();
    let venue = venue.and_then(|venue| faults.check("venue", read_venue(venue)));
    let sections = body.sections.given();
    let seats = sections.and_then(|sections| read_plan(sections, &mut faults));
    let edit = PerformanceEdit {
        starts_at,
        venue,
        seats,
    };
    if faults.is_empty() && edit == PerformanceEdit::default() {
        let why = Invalid::new("at least one of starts_at, venue and sections");
        faults.add("body", &why);
    }
    if faults.is_empty() {
        Ok(edit)
    } else {
        Err(faults.problem())
    }
}

/// Reads the performance from the database. None if it does not exist.
async fn find(
    services: &Services,
    concert: ConcertId,
    id: PerformanceId,
) -> Result<Option<PerformanceBody>, Problem> {
    let performances = services.concerts.performances(concert).await?;
    let found = performances
        .into_iter()
        .find(|performance| performance.id == id);
    Ok(found.map(PerformanceBody::from))
}

fn read_venue(venue: Checked<String>) -> Result<Venue, Invalid> {
    venue.read(|text| Venue::try_from(text.as_str()))
}
