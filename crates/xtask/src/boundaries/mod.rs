//! `cargo xtask boundaries`: checks which crate depends on which.

mod graph;
mod rules;

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use graph::Graph;

/// Prints every dependency of the workspace that breaks a rule, and fails if there is one.
pub(crate) fn run() -> Result<()> {
    let graph = workspace(&mut MetadataCommand::new())?;
    let violations = rules::violations(&graph);
    for violation in &violations {
        eprintln!("{violation}");
    }
    match violations.len() {
        0 => {
            println!(
                "boundaries: {} crates follow the rules",
                graph.ours().count()
            );
            Ok(())
        }
        1 => bail!("1 dependency breaks a boundary"),
        many => bail!("{many} dependencies break a boundary"),
    }
}

fn workspace(command: &mut MetadataCommand) -> Result<Graph> {
    let metadata = command.exec().context("cargo metadata failed")?;
    Graph::of_workspace(&metadata).context("cargo metadata resolved no dependencies")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_its_boundaries() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let graph = workspace(MetadataCommand::new().manifest_path(manifest)).unwrap();
        let ours: Vec<_> = graph.ours().map(|package| package.name.as_str()).collect();
        assert!(ours.contains(&"frontrow"), "{ours:?}");
        assert!(ours.contains(&"frontrow-domain"), "{ours:?}");
        let violations: Vec<_> = rules::violations(&graph)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}
