//! The benchmarks: each file measures one or more rows of the report, or supports those that do.

mod active;
mod admission;
mod against_bare;
mod commits;
mod compared;
mod crowd;
mod durable;
mod expiry;
mod growth;
mod in_turns;
mod joining;
mod line_status;
mod lines;
mod opening;
mod own_pace;
mod places;
mod queues;
mod ranking;
mod reached;
mod start;
mod statements;
mod streams;
mod test_bed;
mod waiting;
mod windows;

use anyhow::Result;

use self::test_bed::{Environment, RequiredStores};
pub(crate) use self::{ranking::measure as ranking, streams::measure as streams};
use crate::{
    cli::{Backend, Database, Group, QueueArguments},
    report::{Report, Row},
};

/// Measures the queues on one backend, or compares two.
pub(crate) async fn queue(arguments: &QueueArguments, report: &mut Report) -> Result<()> {
    let Some(backend) = arguments.backend else {
        return side_by_side(arguments, report).await;
    };
    let database = arguments.database.unwrap_or(backend.default_database());
    let required = RequiredStores {
        backends: &[backend],
        database,
        append_only: arguments.append_only,
    };
    let mut environment = Environment::prepare(&arguments.settings, required, report).await?;
    for group in groups(backend, database, &arguments.only) {
        eprintln!("loadtest: {group:?}");
        let benchmark = async |environment: &Environment| measure(group, environment).await;
        in_turns::measure(&mut environment, report, &format!("{group:?}"), benchmark).await;
    }
    environment.end().await
}

async fn measure(group: Group, environment: &Environment) -> Result<Vec<Row>> {
    match group {
        Group::Waiting => waiting::measure(environment).await,
        Group::LineStatus => line_status::measure(environment).await,
        Group::OwnPace => own_pace::measure(environment).await,
        Group::Active => active::measure(environment).await,
        Group::Crowd => crowd::measure(environment).await,
        Group::Admission => admission::measure(environment).await,
        Group::Opening => opening::measure(environment).await,
        Group::Expiry => expiry::measure(environment).await,
        Group::Statements => statements::measure(environment).await,
        Group::Durable => durable::measure(environment).await,
        Group::Start => start::measure(environment).await,
    }
}

async fn side_by_side(arguments: &QueueArguments, report: &mut Report) -> Result<()> {
    let required = RequiredStores {
        backends: &[Backend::Mysql, Backend::Redis],
        database: Database::Mysql,
        append_only: arguments.append_only,
    };
    let mut environment = Environment::prepare(&arguments.settings, required, report).await?;
    in_turns::measure(&mut environment, report, "compare", compared::measure).await;
    environment.end().await
}

/// Returns the wanted groups that are meaningful with these stores, in order. With no `wanted` one,
/// returns all of them.
fn groups(backend: Backend, database: Database, wanted: &[Group]) -> Vec<Group> {
    let mut groups = vec![
        Group::Waiting,
        Group::LineStatus,
        Group::Active,
        Group::Crowd,
        Group::Admission,
    ];
    if backend == Backend::Embedded {
        groups.push(Group::Start);
    } else {
        groups.extend([Group::OwnPace, Group::Opening, Group::Expiry]);
    }
    if database == Database::Mysql {
        if backend == Backend::Redis {
            groups.push(Group::Statements);
        }
        groups.push(Group::Durable);
    }
    groups.retain(|group| wanted.is_empty() || wanted.contains(group));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_without_meaning_on_a_store_are_left_out() {
        let all = |backend, database| groups(backend, database, &[]);
        let embedded = all(Backend::Embedded, Database::Sqlite);
        assert!(!embedded.contains(&Group::Durable) && embedded.contains(&Group::Start));
        assert!(all(Backend::Redis, Database::Mysql).contains(&Group::Statements));
        let mysql = all(Backend::Mysql, Database::Mysql);
        assert!(mysql.contains(&Group::Durable) && !mysql.contains(&Group::Statements));
        assert!(mysql.contains(&Group::Opening) && mysql.contains(&Group::Expiry));
        assert!(mysql.contains(&Group::OwnPace) && !embedded.contains(&Group::OwnPace));
        assert!(mysql.contains(&Group::LineStatus) && embedded.contains(&Group::LineStatus));
    }

    #[test]
    fn only_wanted_groups_are_measured() {
        let wanted = [Group::Durable, Group::Active];
        let some = groups(Backend::Embedded, Database::Sqlite, &wanted);
        assert_eq!(some, [Group::Active]);
    }
}
