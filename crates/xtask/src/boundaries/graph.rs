//! Packages and their dependencies: the part of cargo's metadata that the rules need.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata};

/// Identifies a package. A graph may contain several versions of one package.
pub(crate) type Id = String;

/// Packages and the dependencies between them.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    packages: BTreeMap<Id, Package>,
}

/// One version of a package.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name in manifests.
    pub(crate) name: String,
    /// True for the crates of the workspace.
    pub(crate) is_ours: bool,
    /// Its dependencies. A package is listed once for each kind.
    pub(crate) needs: BTreeSet<(Kind, Id)>,
}

/// The section of the manifest that a dependency is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `[dependencies]`: part of the product.
    Normal,
    /// `[build-dependencies]`: for build scripts.
    Build,
    /// `[dev-dependencies]`: for tests, benches and examples.
    Dev,
}

impl Kind {
    /// Returns the name of the section in the manifest.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Self::Normal => "dependencies",
            Self::Build => "build-dependencies",
            Self::Dev => "dev-dependencies",
        }
    }
}

impl Graph {
    /// Returns all packages that cargo resolved, for all platforms. None if it resolved none.
    pub(crate) fn of_workspace(metadata: &Metadata) -> Option<Self> {
        let mut graph = Self::default();
        for package in &metadata.packages {
            let is_ours = metadata.workspace_members.contains(&package.id);
            graph.add(&package.id.repr, &package.name, is_ours);
        }
        for node in &metadata.resolve.as_ref()?.nodes {
            for dependency in &node.deps {
                for info in &dependency.dep_kinds {
                    let kind = match info.kind {
                        DependencyKind::Build => Kind::Build,
                        DependencyKind::Development => Kind::Dev,
                        _ => Kind::Normal,
                    };
                    graph.connect(&node.id.repr, kind, &dependency.pkg.repr);
                }
            }
        }
        Some(graph)
    }

    fn add(&mut self, id: &str, name: &str, is_ours: bool) {
        let package = Package {
            name: name.to_owned(),
            is_ours,
            needs: BTreeSet::new(),
        };
        self.packages.insert(id.to_owned(), package);
    }

    fn connect(&mut self, from: &str, kind: Kind, to: &str) {
        if let Some(package) = self.packages.get_mut(from) {
            package.needs.insert((kind, to.to_owned()));
        }
    }

    /// Returns the crates of the workspace, in the order of their ids.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.is_ours)
    }

    /// Returns the direct dependencies of a package.
    pub(crate) fn needs<'a>(
        &'a self,
        package: &'a Package,
    ) -> impl Iterator<Item = (Kind, &'a Package)> {
        package
            .needs
            .iter()
            .filter_map(|(kind, id)| Some((*kind, self.packages.get(id)?)))
    }

    /// Returns the shortest path from `root`, along normal dependencies, to each package that is
    /// `wanted`: the names of the packages on it. Dependencies of a wanted package are not
    /// followed.
    pub(crate) fn paths_to<'a>(
        &'a self,
        root: &'a Package,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<Vec<&'a str>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = VecDeque::from([(root, vec![root.name.as_str()])]);
        while let Some((package, path)) = open.pop_front() {
            for (kind, id) in &package.needs {
                let Some(next) = self.packages.get(id) else {
                    continue;
                };
                if *kind != Kind::Normal || !seen.insert(id) {
                    continue;
                }
                let mut path = path.clone();
                path.push(next.name.as_str());
                if wanted(&next.name) {
                    found.push(path);
                } else {
                    open.push_back((next, path));
                }
            }
        }
        found
    }
}

#[cfg(test)]
impl Graph {
    /// Returns a graph for tests. The id of a package is its name. The crates of the workspace are
    /// those named `frontrow…`, `loadtest` or `xtask`.
    pub(crate) fn made_up(edges: &[(&str, Kind, &str)]) -> Self {
        let mut graph = Self::default();
        for (from, _, to) in edges {
            for name in [from, to] {
                let is_ours = name.starts_with("frontrow") || ["loadtest", "xtask"].contains(name);
                if !graph.packages.contains_key(*name) {
                    graph.add(name, name, is_ours);
                }
            }
        }
        for (from, kind, to) in edges {
            graph.connect(from, *kind, to);
        }
        graph
    }
}
