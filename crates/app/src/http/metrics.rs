//! The counters of this instance, in the text format of Prometheus.

use actix_web::{HttpResponse, web};
use frontrow_domain::decorators::LookUpCounts;

use super::Services;

/// The content type of version 0.0.4 of the text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Show the counters of this instance
///
/// In the text format of Prometheus. All counters are 0 at each start.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses((status = 200, description = "The counters", body = String)),
)]
pub(crate) async fn show(services: web::Data<Services>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(TEXT_FORMAT)
        .body(text(services.line.look.counts()))
}

fn text(counts: LookUpCounts) -> String {
    let LookUpCounts {
        from_snapshot,
        from_store,
        heartbeats,
    } = counts;
    format!(
        "\
# HELP frontrow_look_ups_total Look-ups of places, by what answered them.
# TYPE frontrow_look_ups_total counter
frontrow_look_ups_total{{answered_by=\"snapshot\"}} {from_snapshot}
frontrow_look_ups_total{{answered_by=\"store\"}} {from_store}
# HELP frontrow_heartbeat_writes_total Collected heartbeats that were written to the store.
# TYPE frontrow_heartbeat_writes_total counter
frontrow_heartbeat_writes_total {heartbeats}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_is_a_sample_of_its_family() {
        let text = text(LookUpCounts {
            from_snapshot: 5,
            from_store: 2,
            heartbeats: 3,
        });
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            r#"frontrow_look_ups_total{answered_by="snapshot"} 5"#,
            r#"frontrow_look_ups_total{answered_by="store"} 2"#,
            "frontrow_heartbeat_writes_total 3",
        ];
        assert_eq!(samples, expected);
    }
}
