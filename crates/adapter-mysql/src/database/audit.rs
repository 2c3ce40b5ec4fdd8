//! Notes on what operators change, written in the transaction of the change.

use diesel::{ExpressionMethods, QueryResult, insert_into};
use diesel_async::RunQueryDsl;
use frontrow_domain::{model::queue::VersionedPolicy, ports::Operator};
use serde_json::{Map, Value, json};

use super::{
    columns::{Db, policy_state_name},
    schema::audit,
};
use crate::session::Session;

/// Notes that `by` did `action` to `subject`; `detail` says what was made, or what was changed.
pub(super) async fn note(
    session: &mut Session,
    by: &Operator,
    action: &str,
    subject: &(impl ToString + Sync),
    detail: &Value,
) -> QueryResult<()> {
    insert_into(audit::table)
        .values((
            audit::at.eq(Db(by.at)),
            audit::actor.eq(&by.name),
            audit::action.eq(action),
            audit::subject.eq(subject.to_string()),
            audit::detail.eq(detail.to_string()),
        ))
        .execute(session.connection())
        .await
        .map(drop)
}

/// What became another value, as a note has it: `{field: {"from": …, "to": …}}`.
pub(super) fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Map::new();
    };
    let changed = after.iter().filter_map(|(field, to)| {
        let from = before.get(field).unwrap_or(&Value::Null);
        (from != to).then(|| (field.clone(), json!({ "from": from, "to": to })))
    });
    changed.collect()
}

/// A policy as a note has it.
pub(super) fn policy_detail(VersionedPolicy { policy, version }: &VersionedPolicy) -> Value {
    json!({
        "version": version.0,
        "state": policy_state_name(policy.state),
        "opens_at": policy.opens_at.map(|at| at.to_string()),
        "throughput": policy.throughput.map(|throughput| json!({
            "admit": throughput.admit,
            "interval_s": throughput.interval.as_secs_f64(),
        })),
        "capacity": policy.capacity.map(|capacity| json!({ "max_active": capacity.max_active })),
        "waiting_ttl_s": policy.waiting_ttl.as_secs_f64(),
        "claim_ttl_s": policy.claim_ttl.as_secs_f64(),
        "active_ttl_s": policy.active_ttl.as_secs_f64(),
        "max_waiting": policy.max_waiting,
    })
}
