//! The programs that the tests need, and how to install those that are missing.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

/// A program without which some test cannot run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its alternative names. One installed program is enough.
    programs: &'static [&'static str],
    /// The Debian and Ubuntu packages that contain it.
    packages: &'static [&'static str],
    /// What it is needed for, as the rest of a sentence that begins with "it".
    why: &'static str,
}

/// All programs that the tests need, apart from Rust. Add an entry for each program that a new test
/// needs.
pub(crate) const NEEDED: &[Tool] = &[
    Tool {
        programs: &["cc"],
        packages: &["gcc", "libc6-dev"],
        why: "compiles the SQLite that comes with Frontrow",
    },
    Tool {
        programs: &["mariadbd", "mysqld"],
        packages: &["mariadb-server"],
        why: "is the server on which the MySQL adapter is tested",
    },
    Tool {
        programs: &["mariadb-dump", "mysqldump"],
        packages: &["mariadb-client"],
        why: "makes the backups of MySQL databases that tests restore",
    },
    Tool {
        programs: &["mariadb-binlog", "mysqlbinlog"],
        packages: &["mariadb-client"],
        why: "reads the binary log, from which a test applies the changes after a backup",
    },
    Tool {
        programs: &["redis-server"],
        packages: &["redis-server"],
        why: "is the server on which the Redis adapter is tested",
    },
    Tool {
        programs: &["nginx"],
        packages: &["nginx-light"],
        why: "is the cache through which a test follows a line",
    },
    Tool {
        programs: &["faketime"],
        // The package `faketime` installs the program itself. The tests use the library that comes
        // with it.
        packages: &["faketime"],
        why: "makes the clocks of instances differ",
    },
    Tool {
        programs: &["mount"],
        packages: &["mount"],
        why: "makes a small disk, which a test fills",
    },
];

/// Ensures that every one of `tools` is installed. Installs missing ones if that needs no password,
/// and otherwise fails with the packages to install.
pub(crate) fn provide(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools, is_installed);
    if missing.is_empty() {
        return Ok(());
    }
    for tool in &missing {
        eprintln!("xtask: {} is missing; it {}", name(tool), tool.why);
    }
    let packages = packages(&missing);
    let Some(apt_get) = AptGet::find() else {
        bail!("{}", advice(&packages));
    };
    eprintln!("xtask: installing {}", packages.join(" "));
    apt_get
        .install(&packages)
        .with_context(|| advice(&packages))?;
    let still_missing = self::missing(tools, is_installed);
    ensure!(
        still_missing.is_empty(),
        "installed {}, but {} is still missing",
        packages.join(" "),
        still_missing
            .iter()
            .map(|tool| name(tool))
            .collect::<Vec<_>>()
            .join(", "),
    );
    Ok(())
}

/// Runs `apt-get` as a user who may install packages.
struct AptGet {
    /// The words before `apt-get`.
    prefix: &'static [&'static str],
}

impl AptGet {
    /// Returns the command. None without apt-get, or if it would need a password.
    fn find() -> Option<Self> {
        if !is_installed("apt-get") {
            None
        } else if is_root() {
            Some(Self { prefix: &[] })
        } else if succeeds("sudo", &["-n", "true"]) {
            Some(Self {
                prefix: &["sudo", "-n"],
            })
        } else {
            None
        }
    }

    fn install(&self, packages: &[&str]) -> Result<()> {
        self.run(&["update", "-q"])?;
        let install = ["install", "-q", "-y", "--no-install-recommends"];
        self.run(&[&install, packages].concat())
    }

    /// Runs one apt-get command. Its output is shown, because an installation may take a while.
    fn run(&self, arguments: &[&str]) -> Result<()> {
        // `env` sets the variable, because sudo passes no variables on.
        let quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let words = [self.prefix, &quiet, arguments].concat();
        let (program, rest) = words.split_first().context("there is nothing to run")?;
        let status = Command::new(program)
            .args(rest)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {program}"))?;
        ensure!(status.success(), "`{}` failed: {status}", words.join(" "));
        Ok(())
    }
}

fn missing(tools: &[Tool], is_there: impl Fn(&str) -> bool) -> Vec<&Tool> {
    tools
        .iter()
        .filter(|tool| !tool.programs.iter().any(|program| is_there(program)))
        .collect()
}

fn packages(tools: &[&Tool]) -> Vec<&'static str> {
    let mut packages: Vec<_> = tools
        .iter()
        .flat_map(|tool| tool.packages)
        .copied()
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn name(tool: &Tool) -> String {
    tool.programs.join(" or ")
}

fn advice(packages: &[&str]) -> String {
    format!(
        "install these packages (or what your system calls them) and try again: {}",
        packages.join(" "),
    )
}

/// True if a program of this name is on the path, or in a folder in which Debian has servers. The
/// path of a user who is not root may lack those folders.
fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(servers)
        .any(|folder| is_program(&folder.join(program)))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// True if the program exists and ends with success.
pub(crate) fn succeeds(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: Tool = Tool {
        programs: &["mariadbd", "mysqld"],
        packages: &["mariadb-server"],
        why: "keeps rows",
    };
    const COMPILER: Tool = Tool {
        programs: &["cc"],
        packages: &["libc6-dev", "gcc"],
        why: "compiles",
    };

    #[test]
    fn one_installed_program_of_a_tool_is_enough() {
        let tools = [DATABASE, COMPILER];
        assert_eq!(missing(&tools, |program| program == "mysqld"), [&COMPILER]);
        assert_eq!(missing(&tools, |_| true), Vec::<&Tool>::new());
    }

    #[test]
    fn every_package_is_named_once() {
        assert_eq!(packages(&[&COMPILER, &COMPILER]), ["gcc", "libc6-dev"]);
    }

    #[test]
    fn a_program_is_a_file_that_can_be_run() {
        assert!(is_installed("sh"));
        assert!(!is_installed("no-such-program-anywhere"));
        assert!(!is_program(Path::new("/etc/passwd")));
        assert!(!is_program(Path::new("/usr")));
    }

    #[test]
    fn everything_needed_has_a_package_and_a_reason() {
        for tool in NEEDED {
            assert!(!tool.programs.is_empty(), "{tool:?}");
            assert!(!tool.packages.is_empty(), "{tool:?}");
            assert!(!tool.why.is_empty(), "{tool:?}");
        }
    }
}
