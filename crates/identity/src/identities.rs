//! Identities of users: JWTs of an identity provider.

use std::{path::Path, sync::Arc};

use anyhow::{Context, bail};
use frontrow_domain::{model::UserId, ports::Clock};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet,
};
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::verified_tokens::VerifiedTokenCache;

/// Verifies identities.
pub struct IdentityVerifier {
    secret: Option<DecodingKey>,
    public_keys: Vec<PublicKey>,
    /// The validation rules for each signature algorithm.
    validations: Vec<(Algorithm, Validation)>,
    clock: Arc<dyn Clock>,
    remembered: VerifiedTokenCache<Identity>,
}

/// The content of a verified identity.
#[derive(Debug, Clone)]
struct Identity {
    user: UserId,
    /// The end of its validity, in seconds since 1970.
    exp: i64,
    /// The start of its validity, in seconds since 1970.
    nbf: Option<i64>,
}

struct PublicKey {
    kid: Option<String>,
    key: DecodingKey,
}

/// The reason why an identity is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityRefusal {
    /// Its signature, its shape or one of its claims is not accepted.
    Invalid,
    /// It has expired.
    Expired,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// The end of its validity, in seconds since 1970.
    exp: i64,
    /// The start of its validity, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

impl IdentityVerifier {
    /// The accepted difference to the clock of the identity provider, in seconds.
    const LEEWAY_S: i64 = 30;
    /// Longer identities are refused without parsing them, in bytes.
    const MAX_LEN: usize = 8_192;
    /// The accepted signature algorithms.
    const ALGORITHMS: [Algorithm; 4] = [
        Algorithm::HS256,
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
    ];

    /// Accepts identities that are signed with `secret` or by one of the public keys in
    /// `jwks_file`.
    ///
    /// # Errors
    /// If the file of public keys cannot be read.
    pub fn new(
        secret: Option<&Secret>,
        jwks_file: Option<&Path>,
        issuer: Option<&str>,
        audience: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let public_keys = match jwks_file {
            Some(file) => read_public_keys(file)
                .with_context(|| format!("identity.jwks_file: {}", file.display()))?,
            None => Vec::new(),
        };
        Ok(Self {
            secret: secret.map(|secret| DecodingKey::from_secret(secret.expose().as_bytes())),
            public_keys,
            validations: Self::ALGORITHMS
                .map(|algorithm| {
                    let validation = validation(algorithm, issuer, audience);
                    (algorithm, validation)
                })
                .into(),
            clock,
            remembered: VerifiedTokenCache::new(),
        })
    }

    /// Returns the user of an identity that is sent once.
    ///
    /// # Errors
    /// If the identity is refused, with the reason.
    pub fn verify_once(&self, token: &str) -> Result<UserId, IdentityRefusal> {
        let remembered = self.remembered.get(token);
        self.user_of(remembered.map_or_else(|| self.read(token), Ok)?)
    }

    /// Returns the user of an identity that will be sent again, and caches it.
    ///
    /// # Errors
    /// If the identity is refused, with the reason.
    pub fn verify(&self, token: &str) -> Result<UserId, IdentityRefusal> {
        self.user_of(self.remembered.or_check(token, || self.read(token))?)
    }

    /// Returns the user of an identity. Errors if it is not valid now.
    fn user_of(&self, identity: Identity) -> Result<UserId, IdentityRefusal> {
        let Identity { user, exp, nbf } = identity;
        let now = self.clock.now().as_second();
        if exp.saturating_add(Self::LEEWAY_S) <= now {
            return Err(IdentityRefusal::Expired);
        }
        if nbf.is_some_and(|nbf| nbf.saturating_sub(Self::LEEWAY_S) > now) {
            return Err(IdentityRefusal::Invalid);
        }
        Ok(user)
    }

    /// Verifies the signature of a token and reads it, without checking its time.
    fn read(&self, token: &str) -> Result<Identity, IdentityRefusal> {
        if token.len() > Self::MAX_LEN {
            return Err(IdentityRefusal::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| IdentityRefusal::Invalid)?;
        let key = self.key_for(&header).ok_or(IdentityRefusal::Invalid)?;
        let mut validations = self.validations.iter();
        let (_, validation) = validations
            .find(|(algorithm, _)| *algorithm == header.alg)
            .ok_or(IdentityRefusal::Invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, validation)
            .map_err(|_| IdentityRefusal::Invalid)?
            .claims;
        let user = UserId::try_from(claims.sub.as_str()).map_err(|_| IdentityRefusal::Invalid)?;
        Ok(Identity {
            user,
            exp: claims.exp,
            nbf: claims.nbf,
        })
    }

    /// Returns the key for this header. A secret is never used as a public key, or the other way
    /// round.
    fn key_for(&self, header: &Header) -> Option<&DecodingKey> {
        match header.alg {
            Algorithm::HS256 => self.secret.as_ref(),
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
                let family = header.alg.family();
                let mut fitting = self.public_keys.iter().filter(|known| {
                    known.key.family() == family
                        && (header.kid.is_none() || known.kid == header.kid)
                });
                let first = fitting.next()?;
                // Without a key id, the only matching key is used. None if there are several.
                (header.kid.is_some() || fitting.next().is_none()).then_some(&first.key)
            }
            _ => None,
        }
    }
}

/// Returns the validation rules for an identity that is signed with `algorithm`.
fn validation(algorithm: Algorithm, issuer: Option<&str>, audience: Option<&str>) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false; // checked by our own clock
    validation.validate_aud = audience.is_some();
    let mut required = vec!["exp", "sub"];
    if let Some(audience) = audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    }
    if let Some(issuer) = issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    validation
}

/// Creates an identity for development, signed with `secret` and valid for `valid_for_s` seconds.
///
/// # Errors
/// If it cannot be signed.
pub fn development_identity(
    secret: &Secret,
    user: &UserId,
    valid_for_s: u32,
    issuer: Option<&str>,
    audience: Option<&str>,
    clock: &dyn Clock,
) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct Development<'a> {
        #[serde(flatten)]
        claims: Claims,
        #[serde(skip_serializing_if = "Option::is_none")]
        iss: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a str>,
    }
    let claims = Development {
        claims: Claims {
            sub: user.to_string(),
            exp: clock.now().as_second() + i64::from(valid_for_s),
            nbf: None,
        },
        iss: issuer,
        aud: audience,
    };
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .context("cannot sign an identity")
}

fn read_public_keys(file: &Path) -> anyhow::Result<Vec<PublicKey>> {
    let text = std::fs::read_to_string(file).context("cannot read it")?;
    let set: JwkSet = serde_json::from_str(&text).context("it is not a JSON Web Key Set")?;
    let keys = set
        .keys
        .iter()
        .filter_map(|jwk| {
            let key = DecodingKey::from_jwk(jwk).ok()?;
            // With a symmetric key in a file of public keys, every reader of the file could sign.
            (key.family() != AlgorithmFamily::Hmac).then(|| PublicKey {
                kid: jwk.common.key_id.clone(),
                key,
            })
        })
        .collect::<Vec<_>>();
    if keys.is_empty() {
        bail!("it has no RSA, P-256 or Ed25519 public key");
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use frontrow_domain::ports::MockClock;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn clock(second: i64) -> Arc<dyn Clock> {
        let mut clock = MockClock::new();
        clock
            .expect_now()
            .return_const(Timestamp::from_second(second).unwrap());
        Arc::new(clock)
    }

    fn verifier(second: i64, audience: Option<&str>) -> IdentityVerifier {
        let secret = SECRET.to_owned().into();
        IdentityVerifier::new(Some(&secret), None, None, audience, clock(second)).unwrap()
    }

    fn identity(user: &str, audience: Option<&str>) -> String {
        let user = UserId::try_from(user).unwrap();
        let secret = SECRET.to_owned().into();
        development_identity(&secret, &user, 100, None, audience, &*clock(1_000)).unwrap()
    }

    #[test]
    fn an_identity_is_accepted_until_it_expires() {
        let token = identity("alice", None);
        let alice = UserId::try_from("alice").unwrap();
        assert_eq!(verifier(1_000, None).verify(&token), Ok(alice.clone()));
        assert_eq!(verifier(1_129, None).verify(&token), Ok(alice));
        assert_eq!(
            verifier(1_130, None).verify(&token),
            Err(IdentityRefusal::Expired)
        );
    }

    #[test]
    fn an_identity_for_another_audience_is_refused() {
        let token = identity("alice", Some("other"));
        assert!(verifier(1_000, Some("other")).verify(&token).is_ok());
        assert!(verifier(1_000, Some("frontrow")).verify(&token).is_err());
        let without = identity("alice", None);
        assert!(verifier(1_000, Some("frontrow")).verify(&without).is_err());
    }

    #[test]
    fn a_token_that_the_provider_has_not_signed_is_refused() {
        let token = identity("alice", None);
        let verifier = verifier(1_000, None);
        for forged in ["", "a.b.c", &token[..token.len() - 3], &format!("{token}x")] {
            assert_eq!(verifier.verify(forged), Err(IdentityRefusal::Invalid));
        }
        let other = "f".repeat(32).into();
        let user = UserId::try_from("alice").unwrap();
        let foreign = development_identity(&other, &user, 100, None, None, &*clock(1_000));
        assert!(verifier.verify(&foreign.unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn a_random_text_is_no_identity(text in "\\PC{0,300}") {
            prop_assert!(verifier(1_000, None).verify(&text).is_err());
        }

        #[test]
        fn an_identity_with_a_random_part_is_refused(
            part in 0_usize..3, bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
            let token = identity("alice", None);
            let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
            parts[part] = BASE64.encode(bytes);
            prop_assert!(verifier(1_000, None).verify(&parts.join(".")).is_err());
        }
    }
}
