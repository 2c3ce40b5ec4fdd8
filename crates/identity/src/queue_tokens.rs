//! Queue tokens: JWTs (RFC 7519) signed with HS256.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{Arrival, Generation, Ticket},
    },
    ports::{TokenRefusal, TokenSigner},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::verified_tokens::VerifiedTokenCache;

/// Signs queue tokens with one key and accepts tokens of several keys, so that keys can be rotated
/// while tokens are in use.
pub struct QueueTokens {
    header: Header,
    /// The first characters of tokens that are signed with the current key.
    beginning: String,
    signing: EncodingKey,
    accepted: BTreeMap<String, DecodingKey>,
    validation: Validation,
    remembered: VerifiedTokenCache<Ticket>,
}

/// The claims of a token. The order of the fields is fixed, so that equal tickets have equal
/// tokens.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    /// The concert of the queue.
    queue: ConcertId,
    /// The user.
    sub: UserId,
    /// The instant at which the user joined, in microseconds since 1970.
    arrival: Arrival,
    /// The generation of the queue, in hexadecimal, because JSON readers round large numbers.
    generation: String,
}

impl QueueTokens {
    /// Longer tokens are refused without parsing them, in bytes.
    const MAX_LEN: usize = 1_024;

    /// Signs with the key named `signing` and accepts all of `keys`.
    ///
    /// # Errors
    /// If `keys` does not contain `signing`, or if that key cannot sign.
    pub fn new(keys: &BTreeMap<String, Secret>, signing: &str) -> anyhow::Result<Self> {
        let secret = keys
            .get(signing)
            .context("the signing key does not exist")?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(signing.to_owned());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let mut tokens = Self {
            header,
            beginning: String::new(),
            signing: EncodingKey::from_secret(secret.expose().as_bytes()),
            accepted: keys
                .iter()
                .map(|(name, secret)| {
                    let key = DecodingKey::from_secret(secret.expose().as_bytes());
                    (name.clone(), key)
                })
                .collect(),
            validation,
            remembered: VerifiedTokenCache::new(),
        };
        let user = UserId::try_from("probe").context("the probe has no name")?;
        let Some(probe) = tokens.encode(&probe(user)) else {
            bail!("the signing key {signing:?} cannot sign");
        };
        let (header, _) = probe.split_once('.').unwrap_or_default();
        tokens.beginning = format!("{header}.");
        Ok(tokens)
    }

    fn encode(&self, ticket: &Ticket) -> Option<String> {
        let claims = Claims {
            queue: ticket.concert,
            sub: ticket.user.clone(),
            arrival: ticket.arrival,
            generation: ticket.generation.to_string(),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.signing).ok()
    }

    fn read(&self, token: &str) -> Result<Ticket, TokenRefusal> {
        if token.len() > Self::MAX_LEN {
            return Err(TokenRefusal);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefusal)?;
        let key = header
            .kid
            .and_then(|kid| self.accepted.get(&kid))
            .ok_or(TokenRefusal)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| TokenRefusal)?
            .claims;
        let generation = u64::from_str_radix(&claims.generation, 16).map_err(|_| TokenRefusal)?;
        Ok(Ticket {
            concert: claims.queue,
            user: claims.sub,
            arrival: claims.arrival,
            generation: Generation(generation),
        })
    }
}

impl TokenSigner for QueueTokens {
    fn sign(&self, ticket: &Ticket) -> String {
        // `new` has tried the encoding, which does not depend on the ticket. An empty token would
        // be refused by every check.
        self.encode(ticket).unwrap_or_default()
    }

    fn verify(&self, token: &str) -> Result<Ticket, TokenRefusal> {
        self.remembered.or_check(token, || self.read(token))
    }

    fn is_current(&self, token: &str) -> bool {
        // The header names the key, and the rest depends on the ticket alone.
        token.starts_with(&self.beginning)
    }
}

/// Returns a ticket with which `new` tries a key.
fn probe(user: UserId) -> Ticket {
    Ticket {
        concert: ConcertId(uuid::Uuid::nil()),
        user,
        arrival: Arrival::from_micros(0),
        generation: Generation(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer(names: &[&str], signing: &str) -> QueueTokens {
        let keys = names
            .iter()
            .map(|name| ((*name).to_owned(), format!("{name:x>40}").into()))
            .collect();
        QueueTokens::new(&keys, signing).unwrap()
    }

    fn ticket(user: &str, arrival: i64, generation: u64) -> Ticket {
        Ticket {
            concert: ConcertId(uuid::Uuid::from_u128(7)),
            user: UserId::try_from(user).unwrap(),
            arrival: Arrival::from_micros(arrival),
            generation: Generation(generation),
        }
    }

    proptest! {
        #[test]
        fn a_signed_ticket_is_read_back(
            user in "[!-~]{1,64}", arrival: i64, generation: u64
        ) {
            let signer = signer(&["a"], "a");
            let ticket = ticket(&user, arrival, generation);
            let token = signer.sign(&ticket);
            prop_assert_eq!(&token, &signer.sign(&ticket));
            prop_assert!(token.len() <= QueueTokens::MAX_LEN);
            prop_assert_eq!(signer.verify(&token), Ok(ticket));
        }

        #[test]
        fn a_random_text_is_no_token(text in "\\PC{0,300}") {
            prop_assert_eq!(signer(&["a"], "a").verify(&text), Err(TokenRefusal));
        }

        #[test]
        fn a_token_with_a_random_part_is_refused(
            part in 0_usize..3, bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
            let signer = signer(&["a"], "a");
            let token = signer.sign(&ticket("alice", 1, 2));
            let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
            parts[part] = BASE64.encode(bytes);
            prop_assert_eq!(signer.verify(&parts.join(".")), Err(TokenRefusal));
        }

        #[test]
        fn a_signed_token_without_a_valid_ticket_is_refused(
            payload in "\\PC{0,120}", arrival: i64,
        ) {
            let signer = signer(&["a"], "a");
            for claims in [
                serde_json::json!(payload),
                serde_json::json!({"queue": payload, "sub": "alice", "arrival": arrival, "generation": "1"}),
                serde_json::json!({"queue": uuid::Uuid::nil(), "sub": "alice", "arrival": arrival, "generation": format!("x{payload}")}),
                serde_json::json!({"queue": uuid::Uuid::nil(), "sub": "alice", "arrival": payload, "generation": "1"}),
                serde_json::json!({"queue": uuid::Uuid::nil(), "sub": "a b", "arrival": arrival, "generation": "1"}),
            ] {
                let token = jsonwebtoken::encode(&signer.header, &claims, &signer.signing).unwrap();
                prop_assert_eq!(signer.verify(&token), Err(TokenRefusal));
            }
        }

        #[test]
        fn a_token_with_one_changed_character_is_refused(
            at in 0_usize..200, to in "[A-Za-z0-9_.-]",
        ) {
            let signer = signer(&["a"], "a");
            let token = signer.sign(&ticket("alice", 1, 2));
            let at = at % token.len();
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != token);
            // The last character of a part of a token has bits without a meaning (RFC 4648, section
            // 3.5). The decoder refuses a token in which they are not zero.
            prop_assert_eq!(signer.verify(&changed), Err(TokenRefusal));
        }
    }

    #[test]
    fn keys_can_be_rotated_while_tokens_are_in_use() {
        let ticket = ticket("alice", 1, 2);
        let old = signer(&["a"], "a").sign(&ticket);
        let both = signer(&["a", "b"], "b");
        assert_eq!(both.verify(&old), Ok(ticket.clone()));
        assert_ne!(both.sign(&ticket), old);
        assert!(!both.is_current(&old));
        assert!(both.is_current(&both.sign(&ticket)));
        assert_eq!(signer(&["b"], "b").verify(&old), Err(TokenRefusal));
    }

    #[test]
    fn a_token_without_signature_is_refused() {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
        let signer = signer(&["a"], "a");
        let token = signer.sign(&ticket("alice", 1, 2));
        let payload = token.split('.').nth(1).unwrap();
        for header in [
            r#"{"typ":"JWT","alg":"none","kid":"a"}"#,
            r#"{"alg":"HS512","kid":"a"}"#,
            r#"{"alg":"HS256"}"#,
        ] {
            let header = BASE64.encode(header);
            for signature in ["", "AAAA"] {
                let forged = format!("{header}.{payload}.{signature}");
                assert_eq!(signer.verify(&forged), Err(TokenRefusal), "{forged}");
            }
        }
        assert_eq!(signer.verify(&token[..token.len() - 5]), Err(TokenRefusal));
    }
}
