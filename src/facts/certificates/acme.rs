//! Traefik's ACME store (`acme.json`) of Traefik 1, 2 and 3.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    certificate::{Parsed, clipped},
    chain::{Chain, place_of_leaf},
    key::{KeyState, PrivateKey},
    pem,
    secrets::Secrets,
    trust::TrustStore,
};
use crate::redact::Redactor;

/// More certificates than a store of one node has.
const MOST_CERTIFICATES: usize = 50;

/// More certificates than any chain has.
const LONGEST_CHAIN: usize = 20;

/// What an ACME store holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AcmeContent {
    /// Nothing yet, as before the first certificate.
    Empty,
    /// It ends, or turns into something else, before the JSON is complete.
    Truncated {
        /// What is wrong, and where.
        reason: String,
    },
    /// It is JSON, but no ACME store.
    Foreign {
        /// What was found instead.
        reason: String,
    },
    /// A store.
    Store {
        /// Which Traefik wrote it.
        layout: AcmeLayout,
        /// Certificates, by all resolvers.
        certificates: Vec<StoredCertificate>,
        /// Certificates beyond those that are read at most.
        #[serde(default)]
        more: usize,
    },
}

/// The layouts of an ACME store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcmeLayout {
    /// Traefik 1: no level for resolvers, capitalised names.
    Traefik1,
    /// Traefik 2 and 3.
    Traefik2,
}

/// One certificate of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCertificate {
    /// The resolver that got it; Traefik 1 knows none.
    #[serde(default)]
    pub resolver: Option<String>,
    /// The name that the store says it is for.
    pub main: String,
    /// The certificates; none where they cannot be read.
    pub chain: Option<Chain>,
    /// Why they cannot be read.
    #[serde(default)]
    pub fault: Option<String>,
    /// How the private key stands to it.
    pub key: KeyState,
}

/// Reads a store. Private keys are told to the redactor and not kept.
#[must_use]
pub fn read(text: &str, trust: Option<&TrustStore>, redactor: &Redactor) -> AcmeContent {
    if text.trim().is_empty() {
        return AcmeContent::Empty;
    }
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        // A crash cuts a store off, or leaves zeros in it; what never began as one is something else.
        Err(_) if !text.trim_start().starts_with(['{', '\0']) => return foreign("no JSON"),
        // serde_json quotes nothing of the text, so no secret can stand in its words.
        Err(error) => {
            return AcmeContent::Truncated {
                reason: error.to_string(),
            };
        }
    };
    let Value::Object(members) = document else {
        return foreign("no object of certificate resolvers");
    };
    let mut reading = Reading {
        trust,
        secrets: Secrets::new(redactor),
    };
    if members.contains_key("Account") || members.contains_key("Certificates") {
        return reading.store(AcmeLayout::Traefik1, &[(None, &members)]);
    }
    let mut resolvers = Vec::new();
    for (name, resolver) in &members {
        match resolver {
            Value::Object(resolver) => resolvers.push((Some(name.as_str()), resolver)),
            Value::Null => {}
            _ => return foreign("members that are no certificate resolvers"),
        }
    }
    reading.store(AcmeLayout::Traefik2, &resolvers)
}

fn foreign(reason: &str) -> AcmeContent {
    AcmeContent::Foreign {
        reason: reason.to_owned(),
    }
}

/// A member by its name in Traefik 2 and 3, or in Traefik 1.
fn member<'a>(object: &'a Map<String, Value>, name: &str, old_name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.get(old_name))
}

struct Reading<'a> {
    trust: Option<&'a TrustStore>,
    secrets: Secrets<'a>,
}

impl Reading<'_> {
    fn store(
        &mut self,
        layout: AcmeLayout,
        resolvers: &[(Option<&str>, &Map<String, Value>)],
    ) -> AcmeContent {
        let mut certificates = Vec::new();
        let mut more = 0;
        for (name, resolver) in resolvers {
            if let Some(key) = resolver.get("Account").and_then(|it| it.get("PrivateKey")) {
                key.as_str()
                    .into_iter()
                    .for_each(|key| self.secrets.whole(key));
            }
            let entries = match resolver.get("Certificates") {
                None | Some(Value::Null) => continue,
                Some(Value::Array(entries)) => entries,
                Some(_) => return foreign("a “Certificates” that is no list"),
            };
            for entry in entries {
                let Value::Object(entry) = entry else {
                    return foreign("a list of certificates with something else in it");
                };
                if certificates.len() < MOST_CERTIFICATES {
                    certificates.push(self.certificate(*name, entry));
                } else {
                    more += 1;
                }
            }
        }
        AcmeContent::Store {
            layout,
            certificates,
            more,
        }
    }

    fn certificate(
        &mut self,
        resolver: Option<&str>,
        entry: &Map<String, Value>,
    ) -> StoredCertificate {
        let main = member(entry, "domain", "Domain")
            .and_then(Value::as_object)
            .and_then(|domain| member(domain, "main", "Main"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let key = self.key(member(entry, "key", "Key"));
        let chain = member(entry, "certificate", "Certificate")
            .and_then(Value::as_str)
            .ok_or_else(|| "it has no certificate in it".to_owned())
            .and_then(|text| decoded(text).ok_or_else(|| "its certificate is no base64".to_owned()))
            .and_then(|text| certificates_of(&text));
        let mut stored = StoredCertificate {
            resolver: resolver.map(clipped),
            main: clipped(main),
            chain: None,
            fault: None,
            key: KeyState::Missing,
        };
        match chain {
            Ok(presented) => {
                stored.key = match &key {
                    None => KeyState::Missing,
                    Some(Err(fault)) => KeyState::Unreadable(fault.clone()),
                    Some(Ok(key)) => presented
                        .first()
                        .map_or(KeyState::Missing, |first| key.stands_to(first)),
                };
                let leaf = match &key {
                    Some(Ok(key)) => place_of_leaf(&presented, Some(key)),
                    _ => place_of_leaf(&presented, None),
                };
                if leaf != 0
                    && let (Some(Ok(key)), Some(own)) = (&key, presented.get(leaf))
                {
                    stored.key = key.stands_to(own);
                }
                stored.chain = Some(Chain::of(&presented, leaf, self.trust));
            }
            Err(fault) => stored.fault = Some(fault),
        }
        stored
    }

    fn key(&mut self, text: Option<&Value>) -> Option<Result<PrivateKey, String>> {
        let encoded = text?.as_str().filter(|text| !text.is_empty())?;
        self.secrets.whole(encoded);
        let Some(text) = decoded(encoded) else {
            return Some(Err("its key is no base64".into()));
        };
        self.secrets.in_pem(&text);
        let blocks = pem::blocks(&text);
        let Some(block) = blocks.iter().find(|block| block.is_private_key()) else {
            return Some(Err("its key is no PEM".into()));
        };
        Some(PrivateKey::read(block))
    }
}

fn decoded(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The certificates of a PEM text, of which every one has to be sound.
pub(super) fn certificates_of(text: &str) -> Result<Vec<Parsed>, String> {
    let mut certificates = Vec::new();
    for block in pem::blocks(text) {
        if block.is_certificate() && certificates.len() < LONGEST_CHAIN {
            let der = block
                .content
                .map_err(|fault| format!("a certificate in it is damaged: {fault}"))?;
            certificates.push(Parsed::read(&der)?);
        }
    }
    if certificates.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_plain(text: &str) -> AcmeContent {
        read(text, None, &Redactor::default())
    }

    fn entry(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (
            STANDARD.encode(made.cert.pem()),
            STANDARD.encode(made.signing_key.serialize_pem()),
        )
    }

    #[test]
    fn stores_of_every_traefik_are_read() {
        let (certificate, key) = entry("node.example.com");
        let modern = json!({"myleresolver": {"Account": {"Email": "a@b", "PrivateKey": "AAEC"}, "Certificates": [
            {"domain": {"main": "node.example.com"}, "certificate": certificate, "key": key, "Store": "default"}]},
            "other": {"Account": null, "Certificates": null}});
        let old = json!({"Account": {"Email": "a@b"}, "Certificates": [
            {"Domain": {"Main": "node.example.com", "SANs": null}, "Certificate": certificate, "Key": key}]});
        for (document, layout) in [(modern, AcmeLayout::Traefik2), (old, AcmeLayout::Traefik1)] {
            let AcmeContent::Store {
                layout: found,
                certificates,
                more,
            } = read_plain(&document.to_string())
            else {
                panic!("{document}")
            };
            assert_eq!((found, more, certificates.len()), (layout, 0, 1));
            assert_eq!(certificates[0].key, KeyState::Belongs);
            assert_eq!(certificates[0].main, "node.example.com");
        }
    }

    #[test]
    fn what_is_no_store_is_told_apart() {
        assert_eq!(read_plain(" \n"), AcmeContent::Empty);
        for text in ["{\"a\": {\"Acc", "\0\0\0\0", "{} trailing"] {
            assert!(
                matches!(read_plain(text), AcmeContent::Truncated { .. }),
                "{text}"
            );
        }
        for text in [
            "[]",
            "7",
            "certificates: none",
            "<html>",
            "{\"a\": 7}",
            "{\"a\": {\"Certificates\": 7}}",
            "{\"a\": {\"Certificates\": [7]}}",
        ] {
            assert!(
                matches!(read_plain(text), AcmeContent::Foreign { .. }),
                "{text}"
            );
        }
    }

    #[test]
    fn private_keys_are_told_to_the_redactor_and_never_kept() {
        let (certificate, key) = entry("node.example.com");
        let pem = decoded(&key).unwrap();
        let redactor = Redactor::default();
        let document = json!({"r": {"Account": {"PrivateKey": "c2VjcmV0IGFjY291bnQga2V5"}, "Certificates": [
            {"domain": {"main": "a"}, "certificate": certificate, "key": key}]}});
        let read = serde_json::to_string(&read(&document.to_string(), None, &redactor)).unwrap();
        let line = pem::secret_lines(&pem).next().unwrap();
        for secret in [key.as_str(), line, "c2VjcmV0IGFjY291bnQga2V5"] {
            assert!(!read.contains(secret));
            assert!(!redactor.text(&format!("x {secret} y")).contains(secret));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = read_plain(&text);
        }

        #[test]
        fn no_store_makes_it_panic(name in "[a-zA-Z]{0,12}", certificate in "[A-Za-z0-9+/=]{0,200}", key in "\\PC{0,60}", list in any::<bool>()) {
            let entry = json!({"domain": {"main": name}, "certificate": certificate, "key": key});
            let entries = if list { json!([entry]) } else { entry };
            let _ = read_plain(&json!({name: {"Account": {}, "Certificates": entries}}).to_string());
        }
    }
}
