//! Performances and their seats, made and edited.

use actix_web::{HttpResponse, web};
use frontrow_domain::{
    model::{Amount, ConcertId, Page, PerformanceId, Row, SeatPlan, Section, Venue, micros},
    ports::EditOutcome,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    Services,
    extract::{AdminName, Body},
    pages::{PageBody, PageQuery},
    problem::Problem,
    shapes::{PerformanceBody, ProblemBody},
};

/// A performance to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerformanceBody {
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// 1 to 200 characters.
    venue: String,
    /// The parts of the hall, in the order in which they are shown.
    sections: Vec<SectionBody>,
}

/// A part of the hall with one price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SectionBody {
    name: String,
    /// In whole minor units.
    #[schema(value_type = i64)]
    price: Amount,
    rows: Vec<RowBody>,
}

/// A row of seats; seat 7 of row `A` is labelled `A-7`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowBody {
    name: String,
    seats: u16,
}

/// What is to change in a performance: fields that are missing stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PerformanceChange {
    #[schema(value_type = String, format = DateTime)]
    starts_at: Option<Timestamp>,
    #[schema(nullable = false)]
    venue: Option<String>,
}

/// List a concert's performances
#[utoipa::path(
    get, path = "/v1/admin/concerts/{concert_id}/performances", tag = "admin",
    params(("concert_id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, description = "Earliest first", body = PageBody<PerformanceBody>)),
)]
pub(crate) async fn list(
    services: web::Data<Services>,
    path: web::Path<ConcertId>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<PageBody<PerformanceBody>>, Problem> {
    let concert = path.into_inner();
    if services.browse.concert(concert).await?.is_none() {
        return Err(Problem::not_found());
    }
    let page: Page<_, _> = services
        .browse
        .performances(concert, page.read(PerformanceId)?)
        .await?;
    Ok(web::Json(PageBody::new(
        page,
        |id| id.0,
        PerformanceBody::from,
    )))
}

/// Make a performance with all its seats
#[utoipa::path(
    post, path = "/v1/admin/concerts/{concert_id}/performances", tag = "admin",
    request_body = NewPerformanceBody, params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 201, description = "It is on sale", body = PerformanceBody),
        (status = 404, description = "There is no such concert", body = ProblemBody),
        (status = 422, description = "Fields are wrong", body = ProblemBody),
    ),
)]
pub(crate) async fn create(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<ConcertId>,
    Body(body): Body<NewPerformanceBody>,
) -> Result<HttpResponse, Problem> {
    let concert = path.into_inner();
    let venue = read_venue(&body.venue)?;
    let sections: Vec<_> = body.sections.into_iter().map(section).collect();
    let seats = SeatPlan::new(&sections).map_err(|why| plan_fault(&why.0))?;
    let created = services
        .edit
        .create_performance(concert, micros(body.starts_at), venue, seats, &operator)
        .await?;
    let id = created.ok_or_else(Problem::not_found)?;
    let performance = find(&services, concert, id).await?;
    Ok(HttpResponse::Created().json(performance))
}

/// Edit a performance
///
/// Its instant and its venue; seats that are on sale stay as they are.
#[utoipa::path(
    patch, path = "/v1/admin/concerts/{concert_id}/performances/{performance_id}", tag = "admin",
    request_body = PerformanceChange,
    params(("concert_id" = uuid::Uuid, Path), ("performance_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The performance", body = PerformanceBody),
        (status = 404, description = "There is no such performance", body = ProblemBody),
    ),
)]
pub(crate) async fn edit(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<(ConcertId, PerformanceId)>,
    Body(body): Body<PerformanceChange>,
) -> Result<web::Json<PerformanceBody>, Problem> {
    let (concert, id) = path.into_inner();
    let now = find(&services, concert, id).await?;
    let starts_at = body.starts_at.map_or(now.starts_at, micros);
    let venue = read_venue(body.venue.as_deref().unwrap_or(&now.venue))?;
    let outcome = services
        .edit
        .edit_performance(concert, id, starts_at, &venue, &operator)
        .await?;
    match outcome {
        EditOutcome::Done => find(&services, concert, id).await.map(web::Json),
        EditOutcome::NotFound => Err(Problem::not_found()),
    }
}

async fn find(
    services: &Services,
    concert: ConcertId,
    id: PerformanceId,
) -> Result<PerformanceBody, Problem> {
    services
        .concerts
        .performances(concert)
        .await?
        .into_iter()
        .find(|performance| performance.id == id)
        .map(PerformanceBody::from)
        .ok_or_else(Problem::not_found)
}

fn section(body: SectionBody) -> Section {
    let row = |row: RowBody| Row {
        name: row.name,
        seats: row.seats,
    };
    Section {
        name: body.name,
        price: body.price,
        rows: body.rows.into_iter().map(row).collect(),
    }
}

/// A plan says what is wrong as `field: why`.
fn plan_fault(text: &str) -> Problem {
    let (field, why) = text.split_once(": ").unwrap_or(("sections", text));
    Problem::invalid_fields([(field, why.to_owned())])
}

fn read_venue(text: &str) -> Result<Venue, Problem> {
    Venue::try_from(text).map_err(|why| Problem::invalid("venue", &why))
}
