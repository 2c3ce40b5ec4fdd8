//! Liveness, readiness, and the pages that explain problems.

use actix_web::{HttpResponse, http::header, web};

use super::{Services, problem::Problem, problem_kinds::ProblemKind};

/// Check whether the process answers
#[utoipa::path(
    get, path = "/livez", tag = "service",
    responses((status = 200, description = "The process answers", body = String)),
)]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Check whether requests can be served
#[utoipa::path(
    get, path = "/readyz", tag = "service",
    responses(
        (status = 200, description = "Requests can be served", body = String),
        (status = 503, description = "The database does not answer", body = super::shapes::ProblemBody),
    ),
)]
pub(crate) async fn ready(services: web::Data<Services>) -> Result<&'static str, Problem> {
    services.browse.catalogue().await?;
    Ok("ok\n")
}

/// Explain a kind of problem
#[utoipa::path(
    get, path = "/problems/{slug}", tag = "service", params(("slug" = String, Path)),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
)]
pub(crate) async fn explain(slug: web::Path<String>) -> Result<HttpResponse, Problem> {
    let kind = ProblemKind::find(&slug).ok_or_else(Problem::not_found)?;
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title>\
         <style>body{{font:1rem/1.6 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}\
         code{{background:#8882;padding:.1em .3em}}</style></head>\n\
         <body><h1>{title}</h1><p>{help}</p>\
         <p>Status <code>{status}</code>, type <code>/problems/{slug}</code>.</p></body></html>\n",
        title = kind.title,
        help = kind.help,
        status = kind.status,
        slug = kind.slug,
    );
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(page))
}

#[cfg(test)]
mod tests {
    use actix_web::{body::MessageBody, http::StatusCode};

    use super::*;

    #[actix_web::test]
    async fn every_kind_of_problem_has_a_page() {
        for kind in ProblemKind::ALL {
            let page = explain(web::Path::from(kind.slug.to_owned()))
                .await
                .unwrap();
            assert_eq!(page.status(), StatusCode::OK, "{}", kind.slug);
            let text = page.into_body().try_into_bytes().unwrap();
            let text = std::str::from_utf8(&text).unwrap();
            assert!(text.contains(kind.title) && text.contains(kind.help));
        }
        assert!(explain(web::Path::from("none".to_owned())).await.is_err());
    }
}
