//! Loads the configuration.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use config::{Config as Layers, Environment, File, FileFormat};

use super::Config;

/// The file that is read if none is named and this one exists.
const DEFAULT_FILE: &str = "frontrow.toml";
const PREFIX: &str = "FRONTROW_";
/// Variables with the prefix of settings that are not settings: the path of the file, and
/// parameters of tests.
const NOT_SETTINGS: [&str; 2] = ["FRONTROW_CONFIG", "FRONTROW_TEST_"];

impl Config {
    /// Loads the effective configuration: defaults, then `file` (or `frontrow.toml` if it exists),
    /// then the environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let environment = readable(std::env::vars_os())?;
        let config = Self::from_sources(file, environment)?;
        config.validate()?;
        Ok(config)
    }

    fn from_sources(
        file: Option<&Path>,
        environment: HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        let mut layers = Layers::builder();
        if let Some(file) = file_to_read(file)? {
            let text = std::fs::read_to_string(&file).with_context(|| {
                format!("cannot read the configuration file {}", file.display())
            })?;
            // Parsed here first, for errors with line and column.
            if let Err(error) = text.parse::<toml::Table>() {
                bail!("{}: {}", file.display(), position_and_cause(&text, &error));
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

/// Returns the variables that are UTF-8. Errors if a setting is not: if it were skipped, its
/// default would apply.
fn readable(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> anyhow::Result<HashMap<String, String>> {
    let mut variables = HashMap::new();
    for (name, value) in environment {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                variables.insert(name, value);
            }
            (Ok(name), Err(_)) if name.starts_with(PREFIX) => {
                bail!("configuration: the value of {name} is not UTF-8")
            }
            _ => {}
        }
    }
    Ok(variables)
}

/// Returns the file to read: the named one, which must exist, or the default one if it exists.
fn file_to_read(named: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    match named {
        Some(file) if file.is_file() => Ok(Some(file.to_owned())),
        Some(file) => bail!("the configuration file {} does not exist", file.display()),
        None => Ok(Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.is_file())),
    }
}

/// Returns the position and the cause of a TOML error. The line itself is not shown, because it may
/// contain a secret.
fn position_and_cause(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    format!(
        "line {line}, column {column}: {}",
        one_line(error.message())
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

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
    fn an_empty_configuration_is_valid() {
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
    fn a_setting_that_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let garbage = || OsString::from_vec(vec![0xff]);
        let refused = readable([("FRONTROW_LOG__FILTER".into(), garbage())].into_iter());
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("FRONTROW_LOG__FILTER")
        );
        let others = readable([("LS_COLORS".into(), garbage())].into_iter());
        assert_eq!(others.unwrap(), HashMap::new());
    }

    #[test]
    fn unknown_keys_are_named() {
        assert!(refusal("[server]\nbindd = 1\n", &[]).contains("bindd"));
        assert!(refusal("", &[("FRONTROW_SERVER__PROT", "1")]).contains("prot"));
        assert!(refusal("", &[("FRONTROW_NONSENSE", "1")]).contains("nonsense"));
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_line() {
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
    fn a_named_file_must_exist() {
        assert!(Config::from_sources(Some(Path::new("/no/such/file")), HashMap::new()).is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = load("[admin.keys]\nops = \"hush-hush\"\n", &[]).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
        assert!(!toml::to_string(&config).unwrap().contains("hush"));
    }

    /// Generates keys of settings and other keys.
    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => prop::sample::select(vec![
                "data_dir", "server.bind", "server.workers", "server.grace_s", "database.url",
                "database.pool_size", "database.tls", "database.older_schema", "database.lock_timeout_s",
                "database.acquire_timeout_ms",
                "queue.backend", "queue.recovery_s", "queue.shortest_poll_ms",
                "queue.longest_poll_ms", "queue.token_keys.a", "queue.token_keys",
                "queue.signing_key", "cache.backend", "redis.url", "redis.connections", "redis.key_prefix", "reservation.hold_s", "points.currency",
                "points.self_charge", "ranking.time_zone", "identity.trust_x_user_id",
                "identity.hs256_secret", "identity.jwks_file", "identity.issuer", "admin.keys.a",
                "admin", "demo.on_first_start", "log.filter", "log.format",
            ])
            .prop_map(str::to_owned),
            1 => "[a-z_]{1,8}(\\.[a-z_]{1,8}){0,3}",
        ]
    }

    fn value() -> impl Strategy<Value = toml::Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(toml::Value::from),
            (0_i64..100_000).prop_map(toml::Value::from),
            any::<f64>().prop_map(toml::Value::from),
            any::<bool>().prop_map(toml::Value::from),
            "\\PC{0,40}".prop_map(toml::Value::from),
            prop::sample::select(vec![
                "127.0.0.1:0",
                "sqlite:x",
                "embedded",
                "UTC",
                "EUR",
                "a"
            ])
            .prop_map(toml::Value::from),
        ];
        leaf.prop_recursive(3, 10, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(toml::Value::from),
                prop::collection::btree_map("\\PC{0,8}", inner, 0..3)
                    .prop_map(|table| toml::Value::Table(table.into_iter().collect())),
            ]
        })
    }

    /// Checks that the configuration is refused in one line, or can be printed.
    fn check_accepted_or_refused(
        toml: &str,
        environment: &[(&str, &str)],
    ) -> Result<(), TestCaseError> {
        let config = load(toml, environment).and_then(|config| {
            config.validate()?;
            Ok(config)
        });
        match config {
            Ok(config) => prop_assert!(toml::to_string(&config).is_ok()),
            Err(why) => {
                let why = format!("{why:#}");
                prop_assert!(!why.is_empty() && !why.contains(['\n', '\r']), "{why:?}");
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_file_is_accepted_or_refused_in_one_line(text in "(?s).{0,200}") {
            check_accepted_or_refused(&text, &[])?;
        }

        #[test]
        fn any_setting_in_a_file_is_accepted_or_refused_in_one_line(
            key in key(), value in value(),
        ) {
            check_accepted_or_refused(&format!("{key} = {value}\n"), &[])?;
        }

        #[test]
        fn any_setting_in_the_environment_is_accepted_or_refused_in_one_line(
            key in key(), separator in "_{1,3}", value in "\\PC{0,40}", more in "[A-Z_]{0,6}",
        ) {
            let name = format!("{PREFIX}{}{more}", key.to_uppercase().replace('.', &separator));
            check_accepted_or_refused("", &[(&name, &value)])?;
        }

        #[test]
        fn a_refusal_contains_no_secret(
            secret in "[a-zA-Z0-9]{8,40}",
            key in prop::sample::select(vec![
                "identity.hs256_secret", "queue.token_keys.a", "queue.token_keys", "admin.keys.ops",
                "admin.keys", "database.url", "redis.url",
            ]),
        ) {
            let secret = format!("hush-{secret}");
            let name = format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"));
            for (toml, environment) in [
                (format!("{key} = \"{secret}\"\n"), vec![]),
                (format!("{key} = [\"{secret}\"]\n"), vec![]),
                (format!("{key} = \"{secret}\n"), vec![]),
                (format!("{key} = {secret}\n"), vec![]),
                (String::new(), vec![(name.as_str(), secret.as_str())]),
            ] {
                if let Err(why) = load(&toml, &environment).and_then(|config| config.validate()) {
                    let why = format!("{why:#}");
                    prop_assert!(!why.contains(&secret), "{}", why);
                }
            }
        }
    }
}
