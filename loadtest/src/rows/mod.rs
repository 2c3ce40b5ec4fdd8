//! The rows of the report, with one file for each group.

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
mod stage;
mod start;
mod statements;
mod streams;
mod waiting;
mod windows;

use anyhow::Result;

use self::stage::{Stages, Wanted};
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
    let database = arguments.database.unwrap_or(backend.usual_database());
    let wanted = Wanted {
        backends: &[backend],
        database,
        append_only: arguments.append_only,
    };
    let mut stages = Stages::open(&arguments.settings, wanted, report).await?;
    for group in groups(backend, database, &arguments.only) {
        eprintln!("loadtest: {group:?}");
        let measured = async |stages: &Stages| measure(group, stages).await;
        in_turns::measure(&mut stages, report, &format!("{group:?}"), measured).await;
    }
    stages.end().await
}

async fn measure(group: Group, stages: &Stages) -> Result<Vec<Row>> {
    match group {
        Group::Waiting => waiting::measure(stages).await,
        Group::LineStatus => line_status::measure(stages).await,
        Group::OwnPace => own_pace::measure(stages).await,
        Group::Active => active::measure(stages).await,
        Group::Crowd => crowd::measure(stages).await,
        Group::Admission => admission::measure(stages).await,
        Group::Opening => opening::measure(stages).await,
        Group::Expiry => expiry::measure(stages).await,
        Group::Statements => statements::measure(stages).await,
        Group::Durable => durable::measure(stages).await,
        Group::Start => start::measure(stages).await,
    }
}

async fn side_by_side(arguments: &QueueArguments, report: &mut Report) -> Result<()> {
    let wanted = Wanted {
        backends: &[Backend::Mysql, Backend::Redis],
        database: Database::Mysql,
        append_only: arguments.append_only,
    };
    let mut stages = Stages::open(&arguments.settings, wanted, report).await?;
    in_turns::measure(&mut stages, report, "compare", compared::measure).await;
    stages.end().await
}

/// The wanted groups that are meaningful with these stores, in order.
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
    fn groups_that_say_nothing_on_a_store_are_left_out() {
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
    fn only_what_is_wanted_is_measured() {
        let wanted = [Group::Durable, Group::Active];
        let some = groups(Backend::Embedded, Database::Sqlite, &wanted);
        assert_eq!(some, [Group::Active]);
    }
}
