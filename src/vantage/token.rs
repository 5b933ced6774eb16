//! The one-time token, and how both sides prove that they know it without ever sending it.

use data_encoding::HEXLOWER;
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use thiserror::Error;

/// Bytes of a token and of a nonce: more than anybody can guess.
const LENGTH: usize = 16;

/// A token that `listen` makes and `probe` is given.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token")
    }
}

/// A text is no token, or none could be made.
#[derive(Debug, Error)]
pub enum TokenError {
    /// What was given is no token.
    #[error("it holds no token: {} hexadecimal digits, as `sesam-doctor listen` shows them", LENGTH * 2)]
    NoToken,
    /// The kernel gives no random bytes.
    #[error("the kernel gives no random bytes")]
    NoRandom,
}

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// Where the kernel gives no random bytes.
    pub fn generate() -> Result<Self, TokenError> {
        random().map(Self)
    }

    /// The token that a text holds.
    ///
    /// # Errors
    /// Where it holds anything else.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim().to_ascii_lowercase();
        if is_random(&text) {
            Ok(Self(text))
        } else {
            Err(TokenError::NoToken)
        }
    }

    /// The token itself, for the person who carries it to the other machine.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes())
    }
}

/// A fresh nonce, so that no proof is worth anything a second time.
///
/// # Errors
/// Where the kernel gives no random bytes.
pub fn nonce() -> Result<String, TokenError> {
    random()
}

/// Whether a text has the form of a token or nonce.
pub(super) fn is_random(text: &str) -> bool {
    text.len() == LENGTH * 2 && text.chars().all(|digit| digit.is_ascii_hexdigit())
}

fn random() -> Result<String, TokenError> {
    let mut bytes = [0_u8; LENGTH];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| TokenError::NoRandom)?;
    Ok(HEXLOWER.encode(&bytes))
}

/// What a proof is about.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'a> {
    /// The prober asks.
    Asks,
    /// The one who listens answers.
    Answers,
    /// The one who listens sends the certificate of this fingerprint (SHA-256, hexadecimal).
    Sends(&'a str),
}

impl Claim<'_> {
    fn message(self, nonce: &str, port: u16) -> String {
        let (word, about) = match self {
            Self::Asks => ("asks", ""),
            Self::Answers => ("answers", ""),
            Self::Sends(fingerprint) => ("sends", fingerprint),
        };
        format!("sesam-doctor {word} {nonce} {port} {about}")
    }
}

/// A proof of knowing the token, good for this nonce and port only.
#[must_use]
pub fn prove(token: &Token, claim: Claim, nonce: &str, port: u16) -> String {
    HEXLOWER.encode(hmac::sign(&token.key(), claim.message(nonce, port).as_bytes()).as_ref())
}

/// Whether a proof holds.
#[must_use]
pub fn holds(token: &Token, claim: Claim, nonce: &str, port: u16, proof: &str) -> bool {
    let Some(proof) = bytes(proof) else {
        return false;
    };
    hmac::verify(&token.key(), claim.message(nonce, port).as_bytes(), &proof).is_ok()
}

/// Bytes from hexadecimal digits; none where there is anything else, or very much of it.
fn bytes(text: &str) -> Option<Vec<u8>> {
    const LONGEST: usize = 128;
    if text.len() > LONGEST || !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(text.get(start..start.checked_add(2)?)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_proof_is_good_for_its_token_claim_nonce_and_port_only() {
        let (token, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let (nonce, later) = (super::nonce().unwrap(), super::nonce().unwrap());
        let proof = prove(&token, Claim::Answers, &nonce, 80);
        assert!(holds(&token, Claim::Answers, &nonce, 80, &proof));
        assert!(!holds(&other, Claim::Answers, &nonce, 80, &proof));
        assert!(!holds(&token, Claim::Asks, &nonce, 80, &proof));
        assert!(!holds(&token, Claim::Answers, &later, 80, &proof));
        assert!(!holds(&token, Claim::Answers, &nonce, 443, &proof));
        let proof = prove(&token, Claim::Sends("ab"), &nonce, 443);
        assert!(holds(&token, Claim::Sends("ab"), &nonce, 443, &proof));
        assert!(!holds(&token, Claim::Sends("cd"), &nonce, 443, &proof));
    }

    #[test]
    fn a_token_survives_the_way_to_the_other_machine() {
        let token = Token::generate().unwrap();
        let carried = format!("  {}\r\n", token.reveal().to_uppercase());
        assert_eq!(Token::parse(&carried).unwrap(), token);
        assert_eq!(format!("{token:?}"), "Token");
        for wrong in ["", "x", "0123", &"g".repeat(32), &"0".repeat(33)] {
            assert!(Token::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", proof in "[0-9a-fé]{0,140}") {
            let _ = Token::parse(&text);
            let token = Token("00".into());
            prop_assert!(!holds(&token, Claim::Asks, &text, 80, &proof));
        }
    }
}
