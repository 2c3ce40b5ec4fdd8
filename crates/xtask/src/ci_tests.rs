//! Checks of files that other systems read: the workflow of GitHub, its forms, and the scripts of
//! CI.

use std::{fs, process::Command};

use yaml_rust2::{Yaml, YamlLoader};

use crate::git;

fn read(path: &str) -> String {
    let path = git::root().unwrap().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: &str) -> Yaml {
    let documents = YamlLoader::load_from_str(&read(path));
    let mut documents = documents.unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

/// Returns the values of a field in all entries of the matrix.
fn matrix(workflow: &Yaml, field: &str) -> Vec<String> {
    let entries = &workflow["jobs"]["run"]["strategy"]["matrix"]["include"];
    let entries = entries.as_vec().expect("a matrix of entries");
    let values = entries.iter().map(|entry| entry[field].as_str());
    values.map(|value| value.expect(field).to_owned()).collect()
}

#[test]
fn the_workflow_runs_on_every_supported_server() {
    let workflow = yaml(".github/workflows/ci.yml");
    let databases = matrix(&workflow, "database");
    for database in ["mysql:8.4", "mysql:9", "mariadb:10.6", "mariadb:10.11"] {
        assert!(databases.iter().any(|one| one == database), "{database}");
    }
    let stores = matrix(&workflow, "redis");
    for store in ["redis:7", "valkey/valkey:8"] {
        assert!(stores.iter().any(|one| one == store), "{store}");
    }
    let steps = workflow["jobs"]["run"]["steps"].as_vec().expect("steps");
    let commands: Vec<_> = steps
        .iter()
        .filter_map(|step| step["run"].as_str())
        .collect();
    assert!(
        commands.iter().any(|run| run.ends_with(" .ci/run")),
        "{commands:?}"
    );
    assert!(
        commands.iter().any(|run| run.starts_with(".ci/servers ")),
        "{commands:?}"
    );
}

#[test]
fn forms_and_scripts_can_be_read() {
    for form in ["bug", "idea"] {
        let form = yaml(&format!(".github/ISSUE_TEMPLATE/{form}.yml"));
        assert!(form["body"].as_vec().is_some_and(|body| !body.is_empty()));
    }
    for script in [".ci/run", ".ci/servers"] {
        let path = git::root().unwrap().join(script);
        let checked = Command::new("bash").arg("-n").arg(path).output().unwrap();
        assert!(checked.status.success(), "{script}: {checked:?}");
    }
}
