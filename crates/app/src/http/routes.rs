//! All routes with their access. A route that is not listed here is not served.

use std::collections::BTreeSet;

use actix_web::{
    FromRequest, Handler, Responder,
    body::BoxBody,
    dev::ServiceRequest,
    guard,
    http::{Method, header},
    middleware::{Next, from_fn},
    web,
};
use frontrow_domain::use_cases::GateMode;

use super::{
    access::{Access, Gate, check},
    admin, concerts, health, line, metrics, openapi, points,
    problem::Problem,
    problem_kinds::ProblemKind,
    queue, queue_events, rankings, reservations,
};

/// Returns the routes of the API.
pub(super) fn all() -> Routes {
    let mut routes = Routes::default();
    let (get, post) = (Method::GET, Method::POST);
    let (patch, delete) = (Method::PATCH, Method::DELETE);

    // The router tries the routes in this order, so the most frequent ones come first.
    let to = Access::QueueToken;
    routes.add(&get, "/v1/queue/token", to, queue::look_up);
    routes.add(&delete, "/v1/queue/token", to, queue::leave);
    let heartbeat = "/v1/queue/token/heartbeat";
    routes.add(&post, heartbeat, to, queue::heartbeat);
    routes.add(&get, "/v1/queue/token/events", to, queue_events::follow);
    routes.add(&post, "/v1/queue/tokens", Access::Identity, queue::join);
    let line = "/v1/concerts/{concert_id}/line";
    routes.add(&get, line, Access::Public, line::show);

    let performances = "/v1/concerts/{concert_id}/performances";
    let seats = "/v1/concerts/{concert_id}/performances/{performance_id}/seats";
    let payment = "/v1/reservations/{reservation_id}/payment";
    let browse = Gate::Passes(GateMode::Browse);
    routes.protected(&get, performances, browse, concerts::performances);
    routes.protected(&get, seats, browse, concerts::seats);
    let hold = Gate::Passes(GateMode::Hold);
    routes.protected(&post, "/v1/reservations", hold, reservations::hold);
    routes.protected(&post, payment, Gate::PassesUnlessPaid, reservations::pay);

    let to = Access::Public;
    routes.add(&get, "/livez", to, health::live);
    routes.add(&get, "/readyz", to, health::ready);
    routes.add(&get, "/openapi.json", to, openapi::document);
    routes.add(&get, "/problems/{slug}", to, health::explain);
    routes.add(&get, "/v1/concerts", to, concerts::list);
    routes.add(&get, "/v1/concerts/{concert_id}", to, concerts::show);
    routes.add(&get, "/v1/rankings/concerts", to, rankings::concerts);

    let to = Access::Identity;
    routes.add(&get, "/v1/reservations", to, reservations::list);
    let reservation = "/v1/reservations/{reservation_id}";
    routes.add(&get, reservation, to, reservations::show);
    routes.add(&delete, reservation, to, reservations::release);
    routes.add(&get, "/v1/points", to, points::balance);
    routes.add(&post, "/v1/points/charges", to, points::charge);

    let to = Access::Admin;
    let concert = "/v1/admin/concerts/{concert_id}";
    let performances = "/v1/admin/concerts/{concert_id}/performances";
    let performance = "/v1/admin/concerts/{concert_id}/performances/{performance_id}";
    let policy = "/v1/admin/concerts/{concert_id}/queue";
    let sales = "/v1/admin/concerts/{concert_id}/reservations";
    let charges = "/v1/admin/users/{user_id}/points/charges";
    routes.add(&post, "/v1/admin/concerts", to, admin::concerts::create);
    routes.add(&patch, concert, to, admin::concerts::edit);
    routes.add(&delete, concert, to, admin::concerts::delete);
    routes.add(&get, performances, to, admin::performances::list);
    routes.add(&post, performances, to, admin::performances::create);
    routes.add(&patch, performance, to, admin::performances::edit);
    routes.add(&delete, performance, to, admin::performances::delete);
    routes.add(&get, policy, to, admin::queue_policy::show);
    routes.add(&patch, policy, to, admin::queue_policy::change);
    routes.add(&get, sales, to, admin::sales::list);
    routes.add(&post, charges, to, admin::sales::charge);
    routes.add(&get, "/metrics", to, metrics::show);
    routes
}

/// The collected routes.
#[derive(Default)]
pub(super) struct Routes(Vec<Registered>);

struct Registered {
    method: Method,
    path: &'static str,
    access: Access,
    route: actix_web::Route,
}

impl Routes {
    /// Adds a protected route, which needs an active place. No other function adds one, and this
    /// one requires the gate.
    fn protected<F, Args>(&mut self, method: &Method, path: &'static str, gate: Gate, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(method, path, Access::Protected(gate), handler);
    }

    fn add<F, Args>(&mut self, method: &Method, path: &'static str, access: Access, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        // A route for GET also answers HEAD (RFC 9110, section 9.3.2).
        let takes_head = *method == Method::GET;
        let asked_for = method.clone();
        // A guard of our own: those of the web server record the allowed methods on each request.
        let route = web::route().guard(guard::fn_guard(move |context| {
            let asks = &context.head().method;
            *asks == asked_for || (takes_head && *asks == Method::HEAD)
        }));
        let route = route.to(handler);
        let route = if access.is_open() {
            route
        } else {
            route.wrap(from_fn(
                move |request: ServiceRequest, next: Next<BoxBody>| check(access, request, next),
            ))
        };
        self.0.push(Registered {
            method: method.clone(),
            path,
            access,
            route,
        });
    }

    /// Method, path and access of every route.
    pub(super) fn list(&self) -> Vec<(Method, &'static str, Access)> {
        self.0
            .iter()
            .map(|route| (route.method.clone(), route.path, route.access))
            .collect()
    }

    /// Registers the routes with the web server.
    pub(super) fn configure(self, config: &mut web::ServiceConfig) {
        let mut left = self.0;
        while let Some(path) = left.first().map(|route| route.path) {
            let (here, rest) = left.into_iter().partition(|route| route.path == path);
            left = rest;
            config.service(resource(path, here));
        }
    }
}

/// All methods of one path. Other methods are answered with the list of allowed ones.
fn resource(path: &'static str, routes: Vec<Registered>) -> actix_web::Resource {
    let mut allowed = BTreeSet::new();
    for route in &routes {
        allowed.insert(route.method.to_string());
        if route.method == Method::GET {
            allowed.insert(Method::HEAD.to_string());
        }
    }
    let allowed = allowed.into_iter().collect::<Vec<_>>().join(", ");
    let resource = routes
        .into_iter()
        .fold(web::resource(path), |resource, registered| {
            resource.route(registered.route)
        });
    resource.default_service(web::to(move || {
        let problem = Problem::new(
            ProblemKind::METHOD_NOT_ALLOWED,
            format!("This address accepts {allowed}."),
        )
        .with_header(header::ALLOW, allowed.clone());
        async move { Err::<&'static str, _>(problem) }
    }))
}
