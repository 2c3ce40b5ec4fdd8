//! The HTTP API: routes, shapes, problems. What a request may do is decided by the use cases; what
//! its outcome is called in HTTP is decided here and nowhere else.
//!
//! A request passes its route's [`Access`](access::Access) first, which leaves behind who asks; then
//! its handler reads the request, calls one use case, and turns the outcome into a shape or a
//! [`Problem`](problem::Problem).

mod access;
mod admin;
mod concerts;
mod conditional;
mod extract;
mod headers;
mod health;
mod json;
mod line;
mod line_status_cache;
mod metrics;
mod openapi;
mod openapi_access;
mod pages;
mod points;
mod problem;
mod problem_kinds;
mod queue;
mod queue_events;
mod ranking_responses;
mod rankings;
mod reservations;
mod retries;
mod routes;
mod serialized_cache;
mod server;
mod services;
mod shapes;
mod store_failures;
mod streams;

pub(crate) use line_status_cache::LineStatusCache;
pub(crate) use ranking_responses::RankingResponses;
pub(crate) use serialized_cache::SerializedCache;
pub(crate) use server::{ServerSettings, start};
pub(crate) use services::Services;
pub(crate) use streams::Streams;
