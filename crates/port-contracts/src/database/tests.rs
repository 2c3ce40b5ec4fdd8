//! Checks that every contract is in the suite.

use std::{fs, path::Path};

#[test]
fn every_contract_is_in_the_suite() {
    let suite = include_str!("suite.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/database");
    let mut contracts = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap();
        let source = fs::read_to_string(&path).unwrap();
        let declared = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn "));
        let names: Vec<_> = declared.filter_map(|rest| rest.split('<').next()).collect();
        // The contracts of `turns` need a clock that stands still, and those of `first_edition`
        // need their own database. Adapters call them by name.
        if names.is_empty() || file == "turns" || file == "first_edition" {
            continue;
        }
        let (_, listed) = suite
            .split_once(&format!(" {file}:\n"))
            .unwrap_or_else(|| panic!("{file} is not in the suite"));
        let (listed, _) = listed.split_once(");").unwrap();
        let listed: Vec<_> = listed.split_whitespace().collect();
        assert_eq!(listed, names, "{file}");
        contracts += names.len();
    }
    assert!(contracts > 0);
}
