//! Valid and invalid tokens and identities, signed by the test.

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use frontrow_test_harness::AppConfig;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// A named key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    name: &'static str,
    secret: &'static str,
}

/// The key that signs.
pub(super) const CURRENT: Key = Key {
    name: "current",
    secret: "the-key-that-signs-queue-tokens-now",
};
/// A former signing key, which is still accepted.
pub(super) const PREVIOUS: Key = Key {
    name: "previous",
    secret: "the-key-that-signed-them-before-this",
};
/// A key that is not accepted any more.
pub(super) const RETIRED: Key = Key {
    name: "retired",
    secret: "the-key-that-signed-them-long-ago---",
};
/// The secret of the identity provider.
const IDENTITY_SECRET: &str = "the-secret-of-the-identity-provider";
/// An instant after all tests, in seconds since 1970.
const YEAR_2100: i64 = 4_102_444_800;

/// Accepts tokens signed with `keys`, signs with the first of them, and accepts the identities of
/// [`identity`].
pub(super) fn configure(config: AppConfig, keys: &[Key]) -> AppConfig {
    let config = config
        .env("FRONTROW_QUEUE__SIGNING_KEY", keys[0].name)
        .env("FRONTROW_IDENTITY__HS256_SECRET", IDENTITY_SECRET);
    keys.iter().fold(config, |config, key| {
        let name = key.name.to_uppercase();
        config.env(format!("FRONTROW_QUEUE__TOKEN_KEYS__{name}"), key.secret)
    })
}

/// The claims of a token.
pub(super) fn claims(token: &str) -> Result<Value> {
    let payload = token.split('.').nth(1).context("a token has a payload")?;
    Ok(serde_json::from_slice(&BASE64.decode(payload)?)?)
}

/// The id of the key in a token.
pub(super) fn key_name(token: &str) -> Result<String> {
    let header = jsonwebtoken::decode_header(token)?;
    header.kid.context("a token names its key")
}

/// Signs these claims with `key`, as the program does.
pub(super) fn signed(claims: &Value, key: Key) -> Result<String> {
    signed_as(claims, Algorithm::HS256, Some(key.name), key.secret)
}

fn signed_as(claims: &Value, how: Algorithm, name: Option<&str>, secret: &str) -> Result<String> {
    let mut header = Header::new(how);
    header.kid = name.map(str::to_owned);
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(jsonwebtoken::encode(&header, claims, &key)?)
}

/// Tokens that look like `good` and that this service did not sign, or that are not valid any more.
pub(super) fn not_ours(good: &str) -> Result<Vec<(&'static str, String)>> {
    let claims = claims(good)?;
    let payload = good.split('.').nth(1).unwrap_or_default();
    let with = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        changed
    };
    let unsigned = |algorithm: &str, signature: &str| {
        let header = json!({"typ": "JWT", "alg": algorithm, "kid": CURRENT.name});
        format!(
            "{}.{payload}.{signature}",
            BASE64.encode(header.to_string())
        )
    };
    let (head, signature) = good.rsplit_once('.').context("a token has a signature")?;
    let other_user = BASE64.encode(with("sub", "another-user".into()).to_string());
    let tampered = good.replace(payload, &other_user);
    let mut without_arrival = claims.clone();
    without_arrival
        .as_object_mut()
        .and_then(|claims| claims.remove("arrival"));
    let (current, how) = (CURRENT.name, Algorithm::HS256);
    Ok(vec![
        ("empty", String::new()),
        ("no token at all", "let-me-in".into()),
        ("changed to another user", tampered),
        ("cut short by one", good[..good.len() - 1].into()),
        ("cut in half", good[..good.len() / 2].into()),
        ("cut before the signature", head.into()),
        ("with an empty signature", format!("{head}.")),
        ("with one more letter", format!("{good}A")),
        ("alg none", unsigned("none", "")),
        ("alg None", unsigned("None", "")),
        ("alg none, signed", unsigned("none", signature)),
        ("alg HS256, unsigned", unsigned("HS256", "")),
        ("signed with a retired key", signed(&claims, RETIRED)?),
        (
            "signed with an unknown key under a known name",
            signed_as(&claims, how, Some(current), RETIRED.secret)?,
        ),
        (
            "signed with a known key under an unknown name",
            signed_as(&claims, how, Some("unknown"), CURRENT.secret)?,
        ),
        (
            "signed with one accepted key under the name of another",
            signed_as(&claims, how, Some(PREVIOUS.name), CURRENT.secret)?,
        ),
        (
            "naming no key",
            signed_as(&claims, how, None, CURRENT.secret)?,
        ),
        (
            "signed in another way",
            signed_as(&claims, Algorithm::HS512, Some(current), CURRENT.secret)?,
        ),
        (
            "signed with the identity provider's secret",
            signed_as(&claims, how, Some(current), IDENTITY_SECRET)?,
        ),
        ("lacking a claim", signed(&without_arrival, CURRENT)?),
        (
            "with a claim too many",
            signed(&with("admin", true.into()), CURRENT)?,
        ),
        (
            "far too long",
            signed(&with("generation", "0".repeat(10_000).into()), CURRENT)?,
        ),
        ("an identity", identity("walker")?),
    ])
}

/// A valid identity.
pub(super) fn identity(user: &str) -> Result<String> {
    identity_until(user, YEAR_2100, IDENTITY_SECRET)
}

fn identity_until(user: &str, second: i64, secret: &str) -> Result<String> {
    let claims = json!({"sub": user, "exp": second});
    signed_as(&claims, Algorithm::HS256, None, secret)
}

/// Tokens that a correct check does not accept as an identity of `user`.
pub(super) fn bad_identities(user: &str) -> Result<Vec<(&'static str, String)>> {
    let good = identity(user)?;
    let payload = good.split('.').nth(1).unwrap_or_default();
    let unsigned = BASE64.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let how = Algorithm::HS256;
    let strange = |claims: Value| signed_as(&claims, how, None, IDENTITY_SECRET);
    Ok(vec![
        ("expired", identity_until(user, 1, IDENTITY_SECRET)?),
        ("forged", identity_until(user, YEAR_2100, RETIRED.secret)?),
        (
            "signed as queue tokens are",
            identity_until(user, YEAR_2100, CURRENT.secret)?,
        ),
        ("alg none", format!("{unsigned}.{payload}.")),
        ("cut short", good[..good.len() - 1].into()),
        ("malformed", "not.a.token".into()),
        ("a user's bare name", user.into()),
        ("far too long", "x".repeat(9_000)),
        ("without an expiry", strange(json!({"sub": user}))?),
        ("without a user", strange(json!({"exp": YEAR_2100}))?),
        (
            "not valid yet",
            strange(json!({"sub": user, "exp": YEAR_2100, "nbf": YEAR_2100 - 1}))?,
        ),
        (
            "of an invalid name",
            strange(json!({"sub": "a b", "exp": YEAR_2100}))?,
        ),
    ])
}
