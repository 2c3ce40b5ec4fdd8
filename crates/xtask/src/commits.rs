//! `cargo xtask commits`: the rules for commits that `CONTRIBUTING.md` has.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::git;

/// The file with the commit after which the rules hold.
const SINCE: &str = ".ci/commits-since";

/// The longest subject, and the longest line of code and text, in characters.
const SUBJECT_MAX: usize = 72;
const LINE_MAX: usize = 100;

/// Files whose new lines are measured, by the end of their names.
const MEASURED: [&str; 6] = [".rs", ".lua", ".md", ".js", ".yml", ".ci/run"];

/// Prints what breaks a rule. A shallow clone checks the commits that it has.
pub(crate) fn run() -> Result<()> {
    let root = git::root()?;
    let since =
        fs::read_to_string(root.join(SINCE)).with_context(|| format!("cannot read {SINCE}"))?;
    let since = since.trim();
    let known = git::ask(&root, &["cat-file", "-e", &format!("{since}^{{commit}}")]).is_ok();
    let range = if known {
        format!("{since}..HEAD")
    } else {
        "HEAD".to_owned()
    };
    let subjects = git::ask(&root, &["log", "--no-merges", "--format=%h %s", &range])?;
    let mut broken = Vec::new();
    for line in subjects.lines() {
        let (commit, subject) = line.split_once(' ').unwrap_or((line, ""));
        broken.extend(subject_faults(subject).map(|why| format!("{commit}: {why}: {subject}")));
    }
    let count = subjects.lines().count();
    if known {
        broken.extend(long_lines(&root, since)?);
    } else {
        println!("commits: {since} is not in this clone, so no line is measured");
    }
    for fault in &broken {
        eprintln!("{fault}");
    }
    if !broken.is_empty() {
        bail!("{} things break the rules for commits", broken.len());
    }
    println!("commits: {count} keep the rules");
    Ok(())
}

/// What is wrong with a subject.
fn subject_faults(subject: &str) -> impl Iterator<Item = &'static str> {
    let first = subject.split(' ').next().unwrap_or_default();
    let is_past = first.ends_with("ed") && !matches!(first, "Need" | "Seed" | "Feed" | "Embed");
    [
        (
            subject.chars().count() > SUBJECT_MAX,
            "the subject is longer than 72 characters",
        ),
        (subject.ends_with('.'), "the subject ends with a full stop"),
        (
            !subject.starts_with(char::is_uppercase),
            "the subject does not begin with a capital",
        ),
        (
            is_past || first.ends_with("ing"),
            "the subject is no order, as \"Refuse a poll\" is",
        ),
    ]
    .into_iter()
    .filter_map(|(is_wrong, why)| is_wrong.then_some(why))
}

/// The lines that were added since then and are too long.
fn long_lines(root: &Path, since: &str) -> Result<Vec<String>> {
    let diff = git::ask(
        root,
        &["diff", "--unified=0", "--no-renames", since, "HEAD"],
    )?;
    // A file that was moved as a whole is new to git: lines that another file has lost are old.
    let lost: std::collections::HashSet<&str> = diff
        .lines()
        .filter(|line| !line.starts_with("---"))
        .filter_map(|line| line.strip_prefix('-'))
        .collect();
    let mut path = "";
    let mut found = Vec::new();
    for line in diff.lines() {
        if let Some(new) = line.strip_prefix("+++ b/") {
            path = new;
        } else if let Some(added) = line.strip_prefix('+')
            && MEASURED.iter().any(|end| path.ends_with(end))
            && !lost.contains(added)
            && is_too_long(path, added)
        {
            found.push(format!(
                "{path}: longer than {LINE_MAX} characters: {added}"
            ));
        }
    }
    Ok(found)
}

/// Rows of tables cannot be broken, nor can addresses.
fn is_too_long(path: &str, line: &str) -> bool {
    let is_row = path.ends_with(".md") && line.trim_start().starts_with('|');
    line.chars().count() > LINE_MAX && !is_row && !line.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_an_order_of_72_characters_at_most() {
        for (subject, faults) in [
            ("Refuse a poll longer than a claim", 0),
            ("Seed a queue once", 0),
            ("Refused a poll", 1),
            ("Refusing a poll", 1),
            ("refuse a poll.", 2),
        ] {
            assert_eq!(subject_faults(subject).count(), faults, "{subject}");
        }
        let long = "R".repeat(SUBJECT_MAX + 1);
        assert_eq!(subject_faults(&long).count(), 1);
        assert_eq!(subject_faults(&long[1..]).count(), 0);
    }

    #[test]
    fn rows_of_tables_and_addresses_may_be_long() {
        let long = "x".repeat(LINE_MAX + 1);
        assert!(is_too_long("a.rs", &long) && is_too_long("a.md", &long));
        assert!(!is_too_long("a.rs", &long[1..]));
        assert!(!is_too_long("a.md", &format!("| {long} |")));
        assert!(!is_too_long(
            "a.md",
            &format!("[it](https://example.org/{long})")
        ));
    }
}
