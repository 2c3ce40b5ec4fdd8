//! URLs of stores, which may contain a password.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// The URL of a store. Neither `Debug` nor `frontrow config` shows its password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoreUrl(String);

impl StoreUrl {
    /// Returns the URL with its password.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for StoreUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password may contain any of the delimiters of a URL, so only the user name is shown of
        // the part before the last @.
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let divider = if scheme.is_empty() { "" } else { "://" };
        match rest.rsplit_once('@') {
            Some((user, place)) => match user.split_once(':') {
                Some((user, _)) => write!(f, "{scheme}{divider}{user}:(hidden)@{place}"),
                None => write!(f, "{scheme}{divider}{user}@{place}"),
            },
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            (
                "mysql://ann:hush@db:3306/x",
                "mysql://ann:(hidden)@db:3306/x",
            ),
            ("mysql://ann:hu:s@h/@db/x", "mysql://ann:(hidden)@db/x"),
            ("mysql://ann@db/x", "mysql://ann@db/x"),
            ("mysql:ann:hush@db", "mysql:(hidden)@db"),
            (
                "redis://:hush@cache:6379/1",
                "redis://:(hidden)@cache:6379/1",
            ),
            ("sqlite:some/file.db", "sqlite:some/file.db"),
        ] {
            let url = StoreUrl::from(url.to_owned());
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }
}
