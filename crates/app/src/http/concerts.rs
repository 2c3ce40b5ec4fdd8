//! The catalogue: public concerts, and performances and seats behind the gate.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use frontrow_domain::model::{Concert, ConcertId, PerformanceId, queue::QueueView};

use super::{
    Services,
    conditional::has_tag,
    extract::Admitted,
    pages::{PageBody, PageQuery},
    problem::Problem,
    shapes::{ConcertBody, PerformanceBody, ProblemBody, SeatBody},
};

/// List the concerts
#[utoipa::path(
    get, path = "/v1/concerts", tag = "concerts", params(PageQuery),
    responses((status = 200, description = "The oldest first", body = PageBody<ConcertBody>)),
)]
pub(crate) async fn list(
    services: web::Data<Services>,
    page: web::Query<PageQuery>,
) -> Result<web::Json<PageBody<ConcertBody>>, Problem> {
    let page = services.browse.concerts(page.read(ConcertId)?).await?;
    Ok(web::Json(PageBody::new(
        page,
        |id| id.0,
        |concert| shape(&services, &concert),
    )))
}

/// Show a concert
#[utoipa::path(
    get, path = "/v1/concerts/{concert_id}", tag = "concerts",
    params(("concert_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The concert", body = ConcertBody),
        (status = 404, description = "The concert does not exist", body = ProblemBody),
    ),
)]
pub(crate) async fn show(
    services: web::Data<Services>,
    path: web::Path<ConcertId>,
) -> Result<web::Json<ConcertBody>, Problem> {
    let concert = services.browse.concert(path.into_inner()).await?;
    let concert = concert.ok_or_else(Problem::not_found)?;
    Ok(web::Json(shape(&services, &concert)))
}

/// List a concert's performances
#[utoipa::path(
    get, path = "/v1/concerts/{concert_id}/performances", tag = "concerts",
    params(("concert_id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, description = "The earliest first", body = PageBody<PerformanceBody>)),
)]
pub(crate) async fn performances(
    services: web::Data<Services>,
    Admitted(place): Admitted,
    page: web::Query<PageQuery>,
) -> Result<web::Json<PageBody<PerformanceBody>>, Problem> {
    let page = page.read(PerformanceId)?;
    let page = services.browse.performances(place.concert(), page).await?;
    Ok(web::Json(PageBody::new(
        page,
        |id| id.0,
        PerformanceBody::from,
    )))
}

/// Show the seats of a performance
///
/// All seats in the order of the plan, up to one second old. Send the `ETag` as `If-None-Match` to
/// get 304 while nothing has changed.
#[utoipa::path(
    get, path = "/v1/concerts/{concert_id}/performances/{performance_id}/seats", tag = "concerts",
    params(("concert_id" = uuid::Uuid, Path), ("performance_id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The seats, all on one page", body = PageBody<SeatBody>),
        (status = 304, description = "The seats have not changed"),
        (status = 404, description = "The performance does not exist", body = ProblemBody),
    ),
)]
pub(crate) async fn seats(
    services: web::Data<Services>,
    Admitted(place): Admitted,
    path: web::Path<(ConcertId, PerformanceId)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (_, performance) = path.into_inner();
    let view = services.browse.seats(place.concert(), performance).await?;
    let view = view.ok_or_else(Problem::not_found)?;
    let tag = header::EntityTag::new_strong(view.tag.clone());
    let unchanged = has_tag(&request, &tag);
    let mut response = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(header::ETag(tag))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"));
    if unchanged {
        return Ok(response.finish());
    }
    let body = services.seat_maps.get_or_insert(&view.tag, || {
        let items = view.map.seats.iter();
        let items = items.map(|seat| SeatBody::new(seat, services.currency));
        PageBody {
            items: items.collect(),
            next_cursor: None,
        }
    });
    Ok(response.content_type("application/json").body(body))
}

/// Converts a concert to its shape, with the last reported state of its queue.
pub(crate) fn shape(services: &Services, concert: &Concert) -> ConcertBody {
    let sale = concert.sale();
    let queue = services.statuses.view(concert.id).map_or_else(
        || QueueView::new(&concert.policy.policy, false, sale),
        |view| QueueView { sale, ..view },
    );
    ConcertBody::new(concert, queue)
}
