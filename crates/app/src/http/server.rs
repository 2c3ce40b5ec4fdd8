//! The HTTP server.

use std::{net::TcpListener, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::{Server, Service as _, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    middleware::{DefaultHeaders, ErrorHandlers},
    web,
};
use futures_util::{
    TryFutureExt,
    future::{Either, ready},
};

use super::{
    Services, headers::NO_SNIFFING, line, line_status_cache::WorkerLineStatuses, openapi::Document,
    problem::Problem, problem_kinds::ProblemKind, retries::Retries, routes,
};

/// The settings of the HTTP server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerSettings {
    /// The number of threads that answer requests; 0 means one for each processor.
    pub(crate) workers: usize,
    /// The time that a stop waits for requests in flight.
    pub(crate) grace: Duration,
    /// The longest pause between two polls of a waiting user.
    pub(crate) longest_poll: Duration,
}

/// The largest accepted body, in bytes. The seat plan of a large hall is much smaller.
const MAX_BODY: usize = 256 * 1024;

/// Serves `services` on `listener` until the server is stopped.
pub(crate) fn start(
    services: Arc<Services>,
    listener: TcpListener,
    settings: ServerSettings,
) -> std::io::Result<Server> {
    let services = web::Data::from(services);
    let document = web::Data::new(Document::of(&routes::all().list()));
    let retries = Arc::new(Retries::up_to(settings.longest_poll));
    let mut server = HttpServer::new(move || {
        let retries = Arc::clone(&retries);
        let put_off = move |answer| Ok(retries.put_off(answer));
        App::new()
            .app_data(services.clone())
            .app_data(document.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .app_data(web::PathConfig::default().error_handler(|_, _| Problem::not_found().into()))
            .app_data(web::QueryConfig::default().error_handler(|error, _| {
                let detail = format!("The query cannot be read: {error}.");
                Problem::new(ProblemKind::MALFORMED, detail).into()
            }))
            .wrap(ErrorHandlers::new().handler(StatusCode::SERVICE_UNAVAILABLE, put_off))
            .wrap(
                DefaultHeaders::new()
                    .add((header::X_CONTENT_TYPE_OPTIONS, NO_SNIFFING))
                    .add((header::CACHE_CONTROL, HeaderValue::from_static("no-store"))),
            )
            .wrap_fn({
                let services = services.clone();
                // One per worker thread: the server calls this closure in each.
                let worker_pages = Rc::new(WorkerLineStatuses::default());
                move |request, next| match line::fresh(&services, &worker_pages, request.request())
                {
                    Some(response) => Either::Left(ready(Ok(request.into_response(response)))),
                    None => Either::Right(
                        next.call(request)
                            .map_ok(ServiceResponse::map_into_boxed_body),
                    ),
                }
            })
            .configure(|config| routes::all().configure(config))
            .default_service(web::to(|| async {
                Err::<&'static str, _>(Problem::not_found())
            }))
    })
    .disable_signals()
    .shutdown_timeout(settings.grace.as_secs());
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    Ok(server.listen(listener)?.run())
}
