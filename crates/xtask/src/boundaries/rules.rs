//! The rules, as functions of a graph.

use std::fmt;

use super::graph::{Graph, Kind, Package};

/// Packages that the domain must not reach, directly or indirectly: drivers, servers and runtimes.
/// A `*` at the end matches any rest.
const FOREIGN_TO_DOMAIN: &[&str] = &[
    "actix*",
    "deadpool*",
    "diesel*",
    "hyper*",
    "mysql*",
    "redis",
    "reqwest",
    "sqlx*",
    "tokio",
];

/// A dependency that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The names of packages, each of which depends on the next. The last step is the one to
    /// remove.
    path: Vec<String>,
    /// The section of the manifest with the last step.
    kind: Kind,
    /// The rule that it breaks.
    rule: Rule,
}

/// A rule for dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The domain depends on no other crate of the workspace.
    DomainIsIndependent,
    /// The domain reaches no driver, server or runtime.
    DomainWithoutIo,
    /// No crate depends on the app.
    AppIsLast,
    /// An adapter depends on no other adapter.
    AdaptersApart,
    /// Only the app depends on adapters.
    AdaptersBelowApp,
    /// request-batching depends on no crate of the workspace, and only adapters depend on it.
    BatchingBelowAdapters,
    /// identity depends only on the domain, and only the app depends on it.
    IdentityBelowApp,
    /// Crates for tests are not part of the product.
    TestCratesForTests,
    /// Developers' tools and the crates of the product do not depend on each other.
    ToolsApart,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}): {}",
            self.path.join(" -> "),
            self.kind.section(),
            self.rule,
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DomainIsIndependent => "the domain depends on no other crate of the workspace",
            Self::DomainWithoutIo => "the domain depends on no driver, server or async runtime",
            Self::AppIsLast => "no crate depends on the app",
            Self::AdaptersApart => "an adapter depends on no other adapter",
            Self::AdaptersBelowApp => "only the app depends on adapters",
            Self::BatchingBelowAdapters => {
                "request-batching depends on no other crate, and only adapters depend on it"
            }
            Self::IdentityBelowApp => {
                "identity depends only on the domain, and only the app depends on it"
            }
            Self::TestCratesForTests => {
                "port-contracts and test-harness are dev-dependencies of adapters and the app only"
            }
            Self::ToolsApart => "developers' tools and product crates do not depend on each other",
        })
    }
}

/// The role of a crate of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Domain,
    Adapter,
    Batching,
    Identity,
    Contracts,
    Harness,
    App,
    Tool,
}

impl Role {
    fn of(package: &Package) -> Self {
        match package.name.as_str() {
            "frontrow" => Self::App,
            "frontrow-domain" => Self::Domain,
            "frontrow-port-contracts" => Self::Contracts,
            "frontrow-request-batching" => Self::Batching,
            "frontrow-identity" => Self::Identity,
            "frontrow-test-harness" => Self::Harness,
            name if name.starts_with("frontrow-adapter-") => Self::Adapter,
            _ => Self::Tool,
        }
    }
}

/// Returns every dependency that breaks a rule.
pub(crate) fn violations(graph: &Graph) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in graph.ours() {
        violations.extend(between_our_crates(graph, package));
        if Role::of(package) == Role::Domain {
            violations.extend(below_the_domain(graph, package));
        }
    }
    violations
}

/// Returns the forbidden dependencies of `package` on other crates of the workspace.
fn between_our_crates(graph: &Graph, package: &Package) -> Vec<Violation> {
    graph
        .needs(package)
        .filter(|(_, needed)| needed.is_ours)
        .filter_map(|(kind, needed)| {
            let rule = broken_rule(Role::of(package), kind, Role::of(needed))?;
            Some(Violation {
                path: vec![package.name.clone(), needed.name.clone()],
                kind,
                rule,
            })
        })
        .collect()
}

/// Returns the rule that a dependency between two crates of the workspace breaks. None if it is
/// allowed.
fn broken_rule(from: Role, kind: Kind, to: Role) -> Option<Rule> {
    match (from, to) {
        (_, Role::App) => Some(Rule::AppIsLast),
        (Role::Domain, _) => Some(Rule::DomainIsIndependent),
        (Role::Adapter, Role::Batching)
        | (Role::Identity, Role::Domain)
        | (Role::App, Role::Identity) => None,
        (Role::Batching, _) | (_, Role::Batching) => Some(Rule::BatchingBelowAdapters),
        (Role::Identity, _) | (_, Role::Identity) => Some(Rule::IdentityBelowApp),
        (_, Role::Domain) | (Role::App, Role::Adapter) | (Role::Tool, Role::Harness) => None,
        (Role::Adapter, Role::Adapter) => Some(Rule::AdaptersApart),
        (_, Role::Adapter) => Some(Rule::AdaptersBelowApp),
        (_, Role::Tool) => Some(Rule::ToolsApart),
        (Role::Adapter | Role::App, Role::Contracts | Role::Harness) if kind == Kind::Dev => None,
        (_, Role::Contracts | Role::Harness) => Some(Rule::TestCratesForTests),
    }
}

/// Returns the forbidden packages that the domain reaches along normal dependencies.
fn below_the_domain(graph: &Graph, domain: &Package) -> Vec<Violation> {
    graph
        .paths_to(domain, is_foreign_to_domain)
        .into_iter()
        .map(|path| Violation {
            path: path.into_iter().map(str::to_owned).collect(),
            kind: Kind::Normal,
            rule: Rule::DomainWithoutIo,
        })
        .collect()
}

fn is_foreign_to_domain(name: &str) -> bool {
    FOREIGN_TO_DOMAIN
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *pattern,
        })
}

#[cfg(test)]
mod tests {
    use Kind::{Build, Dev, Normal};

    use super::*;

    fn broken(edges: &[(&str, Kind, &str)]) -> Vec<Rule> {
        violations(&Graph::made_up(edges))
            .into_iter()
            .map(|violation| violation.rule)
            .collect()
    }

    #[test]
    fn the_intended_layout_breaks_nothing() {
        let intended = [
            ("frontrow", Normal, "frontrow-domain"),
            ("frontrow", Normal, "frontrow-adapter-embedded"),
            ("frontrow", Normal, "frontrow-adapter-redis"),
            ("frontrow", Normal, "frontrow-identity"),
            ("frontrow", Normal, "tokio"),
            ("frontrow-identity", Normal, "frontrow-domain"),
            ("frontrow", Dev, "frontrow-test-harness"),
            ("frontrow-adapter-embedded", Normal, "frontrow-domain"),
            ("frontrow-adapter-embedded", Normal, "diesel"),
            ("frontrow-adapter-embedded", Dev, "frontrow-port-contracts"),
            ("frontrow-adapter-redis", Normal, "frontrow-domain"),
            (
                "frontrow-adapter-redis",
                Normal,
                "frontrow-request-batching",
            ),
            ("frontrow-adapter-redis", Dev, "frontrow-test-harness"),
            ("frontrow-request-batching", Normal, "tokio"),
            ("frontrow-port-contracts", Normal, "frontrow-domain"),
            ("frontrow-port-contracts", Normal, "tokio"),
            ("frontrow-domain", Normal, "jiff"),
            ("frontrow-domain", Dev, "tokio"),
            ("xtask", Normal, "cargo_metadata"),
            ("loadtest", Normal, "frontrow-test-harness"),
        ];
        assert_eq!(violations(&Graph::made_up(&intended)), []);
    }

    #[test]
    fn the_domain_depends_on_no_crate_of_ours() {
        for kind in [Normal, Build, Dev] {
            let edge = ("frontrow-domain", kind, "frontrow-port-contracts");
            assert_eq!(broken(&[edge]), [Rule::DomainIsIndependent]);
        }
    }

    #[test]
    fn the_domain_reaches_no_driver_server_or_runtime() {
        for foreign in [
            "actix-web",
            "diesel",
            "diesel-async",
            "redis",
            "deadpool-redis",
            "tokio",
            "sqlx",
            "mysql_async",
            "reqwest",
            "hyper",
        ] {
            let edge = ("frontrow-domain", Normal, foreign);
            assert_eq!(broken(&[edge]), [Rule::DomainWithoutIo], "{foreign}");
        }
        assert_eq!(broken(&[("frontrow-domain", Normal, "tokio-free")]), []);
    }

    #[test]
    fn the_domain_reaches_nothing_foreign_through_others_either() {
        let graph = Graph::made_up(&[
            ("frontrow-domain", Normal, "cache"),
            ("cache", Normal, "timer"),
            ("cache", Dev, "reqwest"),
            ("timer", Normal, "tokio"),
            ("timer", Normal, "cache"),
        ]);
        let found: Vec<_> = violations(&graph).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "frontrow-domain -> cache -> timer -> tokio (dependencies): \
              the domain depends on no driver, server or async runtime"
            ],
        );
    }

    #[test]
    fn adapters_depend_on_no_adapter_and_not_on_the_app() {
        for kind in [Normal, Dev] {
            let sideways = ("frontrow-adapter-redis", kind, "frontrow-adapter-mysql");
            assert_eq!(broken(&[sideways]), [Rule::AdaptersApart]);
            let upwards = ("frontrow-adapter-redis", kind, "frontrow");
            assert_eq!(broken(&[upwards]), [Rule::AppIsLast]);
        }
    }

    #[test]
    fn only_the_app_depends_on_adapters() {
        for from in [
            "frontrow-port-contracts",
            "frontrow-test-harness",
            "loadtest",
            "xtask",
        ] {
            for kind in [Normal, Dev] {
                let edge = (from, kind, "frontrow-adapter-embedded");
                assert_eq!(broken(&[edge]), [Rule::AdaptersBelowApp]);
            }
        }
    }

    #[test]
    fn identity_depends_on_the_domain_alone_and_only_the_app_depends_on_it() {
        for (from, to) in [
            ("frontrow-identity", "frontrow-adapter-redis"),
            ("frontrow-identity", "frontrow-test-harness"),
            ("frontrow-adapter-redis", "frontrow-identity"),
            ("frontrow-port-contracts", "frontrow-identity"),
            ("loadtest", "frontrow-identity"),
        ] {
            let edge = (from, Normal, to);
            assert_eq!(broken(&[edge]), [Rule::IdentityBelowApp], "{from} {to}");
        }
    }

    #[test]
    fn request_batching_depends_on_no_crate_and_only_adapters_depend_on_it() {
        for kind in [Normal, Dev] {
            for to in [
                "frontrow-domain",
                "frontrow-adapter-redis",
                "frontrow-test-harness",
            ] {
                let edge = ("frontrow-request-batching", kind, to);
                assert_eq!(broken(&[edge]), [Rule::BatchingBelowAdapters], "{to}");
            }
            for from in ["frontrow", "frontrow-port-contracts", "loadtest"] {
                let edge = (from, kind, "frontrow-request-batching");
                assert_eq!(broken(&[edge]), [Rule::BatchingBelowAdapters], "{from}");
            }
            let below = ("frontrow-adapter-redis", kind, "frontrow-request-batching");
            assert_eq!(broken(&[below]), []);
            let domain = ("frontrow-domain", kind, "frontrow-request-batching");
            assert_eq!(broken(&[domain]), [Rule::DomainIsIndependent]);
        }
    }

    #[test]
    fn crates_for_tests_are_not_part_of_the_product() {
        for from in ["frontrow", "frontrow-adapter-embedded"] {
            for to in ["frontrow-port-contracts", "frontrow-test-harness"] {
                assert_eq!(broken(&[(from, Normal, to)]), [Rule::TestCratesForTests]);
                assert_eq!(broken(&[(from, Dev, to)]), []);
            }
        }
    }

    #[test]
    fn nothing_depends_on_a_tool() {
        for tool in ["loadtest", "xtask"] {
            for from in ["frontrow", "frontrow-test-harness"] {
                assert_eq!(broken(&[(from, Dev, tool)]), [Rule::ToolsApart]);
            }
        }
        let both = ("loadtest", Normal, "xtask");
        assert_eq!(broken(&[both]), [Rule::ToolsApart]);
    }

    #[test]
    fn a_message_names_the_dependency_and_the_rule() {
        let edge = ("frontrow-adapter-redis", Dev, "frontrow-adapter-mysql");
        let found: Vec<_> = violations(&Graph::made_up(&[edge]))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "frontrow-adapter-redis -> frontrow-adapter-mysql (dev-dependencies): \
              an adapter depends on no other adapter"
            ],
        );
    }
}
