//! Lists the reservations of a concert, and charges points for users.

use std::{error::Error, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, Accept, Header, Quality},
    web::{self, Bytes},
};
use frontrow_domain::{
    model::{ConcertId, Currency, PageRequest, Reservation, ReservationId, UserId},
    ports::Operator,
};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    Services,
    extract::{AdminName, Body},
    headers::idempotency_key,
    pages::{PageBody, PageQuery},
    points::{ChargeBody, charged},
    problem::Problem,
    shapes::{PointsBody, ProblemBody, ReservationBody},
};

/// A reservation with its user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SaleBody {
    user_id: String,
    #[serde(flatten)]
    reservation: ReservationBody,
}

/// List a concert's reservations
///
/// With `Accept: text/csv` the answer is a CSV file with all reservations.
#[utoipa::path(
    get, path = "/v1/admin/concerts/{concert_id}/reservations", tag = "admin",
    params(("concert_id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, description = "The oldest first", content(
        (PageBody<SaleBody> = "application/json"), (String = "text/csv"),
    ))),
)]
pub(crate) async fn list(
    services: web::Data<Services>,
    path: web::Path<ConcertId>,
    page: web::Query<PageQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let concert = path.into_inner();
    let page = page.read(ReservationId)?;
    if services.browse.concert(concert).await?.is_none() {
        return Err(Problem::not_found());
    }
    if wants_csv(&request) {
        return Ok(csv_file(services.into_inner(), concert));
    }
    let page = services.reservations.of_concert(concert, page).await?;
    Ok(HttpResponse::Ok().json(PageBody::new(
        page,
        |id| id.0,
        |reservation| SaleBody {
            user_id: reservation.user.to_string(),
            reservation: ReservationBody::new(&reservation, services.currency),
        },
    )))
}

/// Charge a user's points
#[utoipa::path(
    post, path = "/v1/admin/users/{user_id}/points/charges", tag = "admin",
    request_body = ChargeBody,
    params(
        ("user_id" = String, Path),
        ("Idempotency-Key" = String, Header, description = "1 to 255 printable ASCII characters. The key is unique per operator, named by the admin key"),
    ),
    responses(
        (status = 201, description = "The balance right after the charge. With `Idempotent-Replayed: true` it is the result of an earlier request with the same key", body = PointsBody),
        (status = 409, description = "The balance would be too large, or a request with the same key is being processed", body = ProblemBody),
        (status = 422, description = "A field is not valid, or the key was used for another request", body = ProblemBody),
    ),
)]
pub(crate) async fn charge(
    services: web::Data<Services>,
    AdminName(name): AdminName,
    path: web::Path<String>,
    request: HttpRequest,
    Body(body): Body<ChargeBody>,
) -> Result<HttpResponse, Problem> {
    let user = UserId::try_from(path.as_str()).map_err(|why| Problem::invalid("user_id", &why))?;
    let key = idempotency_key(request.headers())?;
    let operator = Operator {
        name,
        at: services.clock.now(),
    };
    let answer = services
        .points
        .charge_by_operator(&user, body.amount, key, operator)
        .await?;
    charged(&services, answer)
}

/// True if the client prefers CSV. In all other cases it gets JSON.
fn wants_csv(request: &HttpRequest) -> bool {
    let Ok(Accept(liked)) = Accept::parse(request) else {
        return false;
    };
    // The narrowest range that contains a type decides (RFC 9110, section 12.5.1).
    let quality = |kind: &str, subtype: &str| {
        let in_range = liked.iter().filter_map(|range| {
            let (of_kind, of_subtype) = (range.item.type_(), range.item.subtype());
            let width = match (of_kind.as_str(), of_subtype.as_str()) {
                (a, b) if a == kind && b == subtype => 0,
                (a, "*") if a == kind => 1,
                ("*", "*") => 2,
                _ => return None,
            };
            Some((width, range.quality))
        });
        let narrowest = in_range.min_by_key(|(width, _)| *width);
        narrowest.map_or(Quality::ZERO, |(_, quality)| quality)
    };
    quality("text", "csv") > quality("application", "json")
}

/// Returns the whole list as a file. Pages are read from the database while it is sent.
fn csv_file(services: Arc<Services>, concert: ConcertId) -> HttpResponse {
    let first = Some(None);
    let pages = stream::try_unfold(first, move |after| {
        let services = Arc::clone(&services);
        async move {
            let Some(after) = after else { return Ok(None) };
            let request = PageRequest {
                after,
                limit: PageRequest::<ReservationId>::MAX_LIMIT,
            };
            let page = services.reservations.of_concert(concert, request).await?;
            let text = csv_rows(&page.items, services.currency, after.is_none())?;
            Ok::<_, Box<dyn Error>>(Some((Bytes::from(text), page.next.map(Some))))
        }
    });
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"reservations-{concert}.csv\""),
        ))
        .streaming(pages)
}

const CSV_COLUMNS: [&str; 9] = [
    "reservation_id",
    "user_id",
    "state",
    "performance_id",
    "seats",
    "total",
    "currency",
    "held_until",
    "confirmed_at",
];

fn csv_rows(
    reservations: &[Reservation],
    currency: Currency,
    with_columns: bool,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    if with_columns {
        csv.write_record(CSV_COLUMNS)?;
    }
    for reservation in reservations {
        let shape = ReservationBody::new(reservation, currency);
        let instant =
            |at: Option<jiff::Timestamp>| at.map_or_else(String::new, |at| at.to_string());
        csv.write_record([
            shape.id.to_string(),
            as_text(reservation.user.as_str()),
            shape.state.as_str().to_owned(),
            shape.performance_id.to_string(),
            shape.seats.join(" "),
            shape.total.to_string(),
            shape.currency,
            instant(shape.held_until),
            instant(shape.confirmed_at),
        ])?;
    }
    Ok(csv.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// Spreadsheets evaluate cells that begin like formulas. An apostrophe keeps them text.
fn as_text(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use frontrow_domain::model::{Amount, PerformanceId, PricedSeat, ReservationState};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_row_cannot_be_broken_or_made_a_formula() {
        let reservation = Reservation {
            id: ReservationId(Uuid::nil()),
            user: UserId::try_from("=1+\",\"").unwrap(),
            concert: ConcertId(Uuid::nil()),
            performance: PerformanceId(Uuid::nil()),
            seats: ["A-1", "A-2"]
                .map(|label| PricedSeat {
                    label: label.parse().unwrap(),
                    price: Amount::ZERO,
                })
                .into(),
            total: Amount::ZERO,
            state: ReservationState::Cancelled,
            ticket: None,
        };
        let rows = csv_rows(&[reservation], "EUR".parse().unwrap(), true).unwrap();
        let nil = Uuid::nil();
        assert_eq!(
            String::from_utf8(rows).unwrap(),
            format!(
                "{}\n{nil},\"'=1+\"\",\"\"\",cancelled,{nil},A-1 A-2,0,EUR,,\n",
                CSV_COLUMNS.join(",")
            )
        );
    }
}
