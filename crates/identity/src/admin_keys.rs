//! Admin keys, which authenticate operators.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Secret;

/// The admin keys, by the name of their holder.
pub struct AdminKeys(Vec<(String, [u8; 32])>);

impl AdminKeys {
    /// Hashes `keys`.
    #[must_use]
    pub fn new(keys: &BTreeMap<String, Secret>) -> Self {
        Self(
            keys.iter()
                .map(|(name, secret)| (name.clone(), digest(secret.expose())))
                .collect(),
        )
    }

    /// Returns the holder of `key`. Takes the same time for every wrong key.
    #[must_use]
    pub fn holder(&self, key: &str) -> Option<&str> {
        let shown = digest(key);
        self.0.iter().fold(None, |found, (name, known)| {
            if bool::from(known.ct_eq(&shown)) {
                Some(name.as_str())
            } else {
                found
            }
        })
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_holder() {
        let keys = BTreeMap::from([
            ("ops".to_owned(), "key-of-ops".to_owned().into()),
            ("box-office".to_owned(), "key-of-box".to_owned().into()),
        ]);
        let keys = AdminKeys::new(&keys);
        assert_eq!(keys.holder("key-of-ops"), Some("ops"));
        assert_eq!(keys.holder("key-of-box"), Some("box-office"));
        assert_eq!(keys.holder("key-of"), None);
        assert_eq!(keys.holder(""), None);
    }
}
