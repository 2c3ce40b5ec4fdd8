//! Performances and their seats, made and edited.

use actix_web::{HttpResponse, web};
use frontrow_domain::model::{
    ConcertId, Invalid, Page, PerformanceEdit, PerformanceId, Venue, planned,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    edited::done,
    fields::{Change, Checked, Faults},
    seat_plan_shape::{SectionBody, read_plan},
};
use crate::http::{
    Services,
    extract::{AdminName, Body},
    json::Object,
    pages::{PageBody, PageQuery},
    problem::Problem,
    shapes::{PerformanceBody, ProblemBody},
};

/// A performance to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerformanceBody {
    #[schema(value_type = String, format = DateTime)]
    starts_at: Checked<Timestamp>,
    /// 1 to 200 characters.
    #[schema(value_type = String)]
    venue: Checked<String>,
    /// The parts of the hall, in the order in which they are shown.
    #[schema(value_type = Vec<SectionBody>)]
    sections: Vec<Object<SectionBody>>,
}

/// What is to change in a performance, at least one field: those that are missing stay as they are.
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
    /// All parts of the hall as they are to be.
    #[serde(default)]
    #[schema(value_type = Vec<SectionBody>)]
    sections: Change<Vec<Object<SectionBody>>>,
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
    let mut faults = Faults::default();
    let starts_at = faults.check("starts_at", body.starts_at.read(planned));
    let venue = faults.check("venue", read_venue(body.venue));
    let seats = read_plan(body.sections, &mut faults);
    let (Some(starts_at), Some(venue), Some(seats)) = (starts_at, venue, seats) else {
        return Err(faults.problem());
    };
    let created = services
        .edit
        .create_performance(concert, starts_at, venue, seats, &operator)
        .await?;
    let id = created.ok_or_else(Problem::not_found)?;
    let performance = find(&services, concert, id).await?;
    Ok(HttpResponse::Created().json(performance))
}

/// Edit a performance
///
/// Its instant, its venue, its seats: all that is sent, or nothing. Seats that are held or sold must be
/// in the new plan as they are; all others may go, come, and change their section and price.
#[utoipa::path(
    patch, path = "/v1/admin/concerts/{concert_id}/performances/{performance_id}", tag = "admin",
    request_body = PerformanceChange,
    params(("concert_id" = uuid::Uuid, Path), ("performance_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The performance", body = PerformanceBody),
        (status = 404, description = "There is no such performance", body = ProblemBody),
        (status = 409, description = "The plan lacks or changes seats that are held or sold; names them", body = ProblemBody),
        (status = 422, description = "Fields are wrong, or there is none", body = ProblemBody),
    ),
)]
pub(crate) async fn edit(
    services: web::Data<Services>,
    AdminName(operator): AdminName,
    path: web::Path<(ConcertId, PerformanceId)>,
    Body(body): Body<PerformanceChange>,
) -> Result<web::Json<PerformanceBody>, Problem> {
    let (concert, id) = path.into_inner();
    let edit = read_edit(body)?;
    let outcome = services
        .edit
        .edit_performance(concert, id, &edit, &operator)
        .await?;
    done(outcome)?;
    find(&services, concert, id).await.map(web::Json)
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

fn read_venue(venue: Checked<String>) -> Result<Venue, Invalid> {
    venue.read(|text| Venue::try_from(text.as_str()))
}
