//! Reading the configuration.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use config::{Config as Layers, Environment, File, FileFormat};

use super::Config;

/// The file that is read when none is named and it is there.
const DEFAULT_FILE: &str = "frontrow.toml";
const PREFIX: &str = "FRONTROW_";
/// Variables that begin like settings but are none: the file's name, and what tests are told.
const NOT_SETTINGS: [&str; 2] = ["FRONTROW_CONFIG", "FRONTROW_TEST_"];

impl Config {
    /// The effective configuration: defaults, then `file` (or `frontrow.toml`, where it is), then the
    /// environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let config = Self::from_sources(file, environment)?;
        config.validate()?;
        Ok(config)
    }

    fn from_sources(
        file: Option<&Path>,
        environment: HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        let mut layers = Layers::builder();
        if let Some(file) = present(file)? {
            let text = std::fs::read_to_string(&file).with_context(|| {
                format!("cannot read the configuration file {}", file.display())
            })?;
            // Parsed here first: this names line and column.
            if let Err(error) = text.parse::<toml::Table>() {
                bail!("{}: {}", file.display(), one_line(&error.to_string()));
            }
            layers = layers.add_source(File::from_str(&text, FileFormat::Toml));
        }
        let settings = environment
            .into_iter()
            .filter(|(name, _)| {
                name.starts_with(PREFIX)
                    && !NOT_SETTINGS.iter().any(|other| name.starts_with(other))
            })
            .collect();
        layers
            .add_source(
                Environment::with_prefix("FRONTROW")
                    .prefix_separator("_")
                    .separator("__")
                    .source(Some(settings)),
            )
            .build()
            .and_then(Layers::try_deserialize)
            .map_err(|error| anyhow!("configuration: {}", one_line(&error.to_string())))
    }
}

/// The file to read: the one that was named, which must be there, or the default one where it is.
fn present(named: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    match named {
        Some(file) if file.is_file() => Ok(Some(file.to_owned())),
        Some(file) => bail!("the configuration file {} is not there", file.display()),
        None => Ok(Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.is_file())),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn load(toml: &str, environment: &[(&str, &str)]) -> anyhow::Result<Config> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(toml.as_bytes()).unwrap();
        let environment = environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Config::from_sources(Some(file.path()), environment)
    }

    fn refusal(toml: &str, environment: &[(&str, &str)]) -> String {
        format!("{:#}", load(toml, environment).unwrap_err())
    }

    #[test]
    fn nothing_at_all_is_a_good_configuration() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
        config.validate().unwrap();
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = "[server]\nbind = \"127.0.0.1:1\"\nworkers = 3\n[queue]\nrecovery_s = 5\n";
        let environment = [
            ("FRONTROW_SERVER__BIND", "127.0.0.1:2"),
            ("FRONTROW_DATA_DIR", "/tmp/elsewhere"),
            ("FRONTROW_ADMIN__KEYS__OPS", "12345"),
            ("FRONTROW_TEST_MYSQL_URL", "mysql://ignored"),
            ("PATH", "/bin"),
        ];
        let config = load(file, &environment).unwrap();
        assert_eq!(config.server.bind.port(), 2);
        assert_eq!((config.server.workers, config.queue.recovery_s), (3, 5));
        assert_eq!(config.data_dir, Path::new("/tmp/elsewhere"));
        assert_eq!(config.admin.keys["ops"].expose(), "12345");
    }

    #[test]
    fn unknown_keys_are_named() {
        assert!(refusal("[server]\nbindd = 1\n", &[]).contains("bindd"));
        assert!(refusal("", &[("FRONTROW_SERVER__PROT", "1")]).contains("prot"));
        assert!(refusal("", &[("FRONTROW_NONSENSE", "1")]).contains("nonsense"));
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_line() {
        assert!(refusal("[server\nbind = 1\n", &[]).contains("line 1"));
    }

    #[test]
    fn a_wrong_type_is_named() {
        let text = refusal("[queue]\nrecovery_s = \"soon\"\n", &[]);
        assert!(text.contains("recovery_s"), "{text}");
        let text = refusal("[queue]\nbackend = \"etcd\"\n", &[]);
        assert!(
            text.contains("backend") && text.contains("embedded"),
            "{text}"
        );
    }

    #[test]
    fn a_named_file_must_be_there() {
        assert!(Config::from_sources(Some(Path::new("/no/such/file")), HashMap::new()).is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = load("[admin.keys]\nops = \"hush-hush\"\n", &[]).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
        assert!(!toml::to_string(&config).unwrap().contains("hush"));
    }
}
