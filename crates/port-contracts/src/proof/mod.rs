//! Tests that the contracts can be kept, and that they detect flaws.
//!
//! A store built on the reference model keeps all contracts. The contracts catch each flaw that is
//! built into it.

mod aside_flaws;
mod cache;
mod false_reports;
mod faulty_ports;
mod flawed;
mod flaws;
mod line_flaws;
mod over_stating;
mod store;
mod torn;

use store::StoreFixture;

/// The model keeps its own promises.
mod sound {
    use super::StoreFixture;

    crate::queue_contracts!(positions = exact, || async { StoreFixture::sound() });
}

/// A store may remove an expired place in any call that finds it, and lose all data when it closes.
mod eager_and_volatile {
    use super::StoreFixture;

    crate::queue_contracts!(positions = exact, || async {
        StoreFixture::eager_and_volatile()
    });
}

/// A store may overstate positions by the users ahead who left.
mod over_stating_positions {
    use super::StoreFixture;

    crate::queue_contracts!(|| async { StoreFixture::over_stating() });
}

/// A cache in a list keeps the promises of a ranking cache.
mod listed_cache {
    use super::cache::ListedCache;

    crate::ranking_cache_contracts!(|| async { ListedCache::new() });
}

/// Every contract has its test in the macros.
#[test]
fn every_contract_is_in_its_macro() {
    let source = |path: &str| {
        let path = format!("{}/src/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a source file")
    };
    let macros = source("macros/queue.rs") + &source("macros/ranking_cache.rs");
    let mut files = vec!["ranking_cache.rs".to_owned()];
    let folder = std::fs::read_dir(format!("{}/src/queue", env!("CARGO_MANIFEST_DIR")));
    for entry in folder.expect("the contracts") {
        let name = entry.expect("a file").file_name();
        files.push(format!("queue/{}", name.to_string_lossy()));
    }
    for file in files {
        let text = source(&file);
        let contracts = text
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn "));
        for contract in contracts {
            let name = contract.split('<').next().unwrap_or(contract);
            let listed = macros.lines().any(|line| line.contains(name));
            assert!(listed, "{file}: {name} is in no macro");
        }
    }
}
