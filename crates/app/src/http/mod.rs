//! The HTTP API: routes, shapes and problems. The use cases decide what a request may do. This
//! module alone decides how their outcomes are expressed in HTTP.
//!
//! A request first passes the [`Access`](access::Access) check of its route, which stores its
//! sender in the request. Then its handler reads the request, calls one use case, and converts the
//! outcome to a shape or a [`Problem`](problem::Problem).

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
