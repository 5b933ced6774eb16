//! PEM: the blocks of a file, tolerant of what stands around them.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// More blocks than any chain and its key have.
const MOST_BLOCKS: usize = 200;

/// Some tools leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One block between `BEGIN` and `END`.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// What it says it is, as in `CERTIFICATE`.
    pub label: String,
    /// Whether a header says that its content is encrypted (`Proc-Type: 4,ENCRYPTED`).
    pub encrypted: bool,
    /// The decoded content, or what is wrong with it.
    pub content: Result<Vec<u8>, Fault>,
}

/// Why a block cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text ends, or another block begins, before this one has ended.
    #[error("it is cut off: its END line is missing")]
    Truncated,
    /// Something between the lines is no base64.
    #[error("its content is no base64")]
    NotBase64,
}

impl Block {
    /// Whether it holds a certificate.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        matches!(
            self.label.as_str(),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE"
        )
    }

    /// Whether it holds a private key.
    #[must_use]
    pub fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// The blocks of a text, in their order. Text around them and unknown headers are passed over.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block> {
    up_to(text, MOST_BLOCKS)
}

/// The certificates of a bundle, in DER; whatever else is in it is passed over.
pub fn certificates_in(text: &str, most: usize) -> impl Iterator<Item = Vec<u8>> {
    up_to(text, most)
        .into_iter()
        .filter(Block::is_certificate)
        .filter_map(|block| block.content.ok())
}

fn up_to(text: &str, most: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Open> = None;
    for line in text.lines().map(str::trim) {
        if blocks.len() >= most {
            return blocks;
        }
        if let Some(label) = marker(line, "-----BEGIN ") {
            blocks.extend(open.take().map(Open::cut_off));
            open = Some(Open::new(label));
        } else if let Some(label) = marker(line, "-----END ") {
            if let Some(ended) = open.take() {
                blocks.push(if ended.label == label {
                    ended.closed()
                } else {
                    ended.cut_off()
                });
            }
        } else if let Some(open) = &mut open {
            open.take_line(line);
        }
    }
    blocks.extend(open.map(Open::cut_off));
    blocks
}

fn marker<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

struct Open {
    label: String,
    encrypted: bool,
    body: String,
}

impl Open {
    fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            encrypted: label.starts_with("ENCRYPTED "),
            body: String::new(),
        }
    }

    fn take_line(&mut self, line: &str) {
        // A colon is no letter of base64, so this is a header (RFC 1421).
        match line.split_once(':') {
            Some((name, value)) => {
                let says_encrypted = value.to_ascii_uppercase().contains("ENCRYPTED");
                self.encrypted |= name.eq_ignore_ascii_case("Proc-Type") && says_encrypted;
            }
            None => self.body.extend(line.split_whitespace()),
        }
    }

    fn closed(self) -> Block {
        let content = LENIENT.decode(&self.body).map_err(|_| Fault::NotBase64);
        Block {
            label: self.label,
            encrypted: self.encrypted,
            content,
        }
    }

    fn cut_off(self) -> Block {
        Block {
            label: self.label,
            encrypted: self.encrypted,
            content: Err(Fault::Truncated),
        }
    }
}

/// Lines of base64 in private keys, by which a key can be known again even in part.
pub fn secret_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut within = false;
    text.lines().map(str::trim).filter(move |line| {
        if let Some(label) = marker(line, "-----BEGIN ") {
            within = label.ends_with("PRIVATE KEY");
            return false;
        }
        if line.starts_with("-----END ") {
            within = false;
        }
        // Shorter remainders at the end of a key occur in ordinary words.
        within && line.len() >= 16 && !line.contains(':')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let found = blocks(
            "Bag Attributes\r\n  friendlyName: x\r\n-----BEGIN CERTIFICATE-----\r\nAAEC\r\nAwQ=\r\n-----END CERTIFICATE-----\r\nmore\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAEC\n-----END RSA PRIVATE KEY-----\n",
        );
        assert_eq!(found.len(), 2);
        assert!(found[0].is_certificate() && !found[0].encrypted);
        assert_eq!(found[0].content, Ok(vec![0, 1, 2, 3, 4]));
        assert!(found[1].is_private_key() && found[1].encrypted);
    }

    #[test]
    fn what_is_cut_off_or_garbled_says_so() {
        for (text, fault) in [
            ("-----BEGIN CERTIFICATE-----\nAAEC\n", Fault::Truncated),
            (
                "-----BEGIN CERTIFICATE-----\nAA\n-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----",
                Fault::Truncated,
            ),
            (
                "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----",
                Fault::NotBase64,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAEC\n-----END PRIVATE KEY-----",
                Fault::Truncated,
            ),
        ] {
            assert_eq!(blocks(text)[0].content, Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(-----(BEGIN|END) [A-Z ]{0,12}-----\n|[A-Za-z0-9+/=: ]{0,70}\n|\\PC{0,20}\n){0,12}") {
            let _ = blocks(&text);
            let _ = secret_lines(&text).count();
        }
    }
}
