//! Chooses the token that a place is reported with.

use crate::{model::queue::Ticket, ports::TokenSigner};

/// Returns the token for `ticket`: the one that was shown, with its ticket, if it is that very
/// token already. Signing it again would give the same bytes.
pub(super) fn keep_or_sign(
    signer: &dyn TokenSigner,
    shown: Option<(&str, &Ticket)>,
    ticket: &Ticket,
) -> String {
    match shown {
        Some((token, said)) if said == ticket && signer.is_current(token) => token.to_owned(),
        _ => signer.sign(ticket),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::queue::Generation, ports::MockTokenSigner, test_support::*};

    /// Returns a signer that signs `times` times. Its current token is `token`.
    fn signing(times: usize) -> MockTokenSigner {
        let mut signer = MockTokenSigner::new();
        signer
            .expect_sign()
            .times(times)
            .returning(|_| "signed".into());
        signer
            .expect_is_current()
            .returning(|token| token == "token");
        signer
    }

    #[test]
    fn a_token_with_the_same_ticket_and_the_current_key_is_returned() {
        let shown = Some(("token", &ticket()));
        assert_eq!(keep_or_sign(&signing(0), shown, &ticket()), "token");
    }

    #[test]
    fn a_new_generation_an_older_key_or_no_token_cost_a_signature() {
        let recovered = Ticket {
            generation: Generation(2),
            ..ticket()
        };
        for (shown, ticket) in [
            (Some(("token", &ticket())), &recovered),
            (Some(("old token", &ticket())), &ticket()),
            (None, &ticket()),
        ] {
            assert_eq!(keep_or_sign(&signing(1), shown, ticket), "signed");
        }
    }
}
