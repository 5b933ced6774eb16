//! Traefik's configuration file, as far as it names certificates.

use serde::Deserialize;

use crate::facts::stack::document::read_yaml;

/// A pair of files as Traefik's configuration names it; the paths are the container's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NamedPair {
    /// The certificate and its chain.
    pub cert_file: String,
    /// The private key.
    pub key_file: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TraefikFile {
    tls: Option<TraefikTls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TraefikTls {
    certificates: Option<Vec<NamedPair>>,
    stores: Option<std::collections::BTreeMap<String, Option<TraefikStore>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TraefikStore {
    default_certificate: Option<NamedPair>,
}

/// The pairs of files that a configuration of Traefik names.
///
/// # Errors
/// What is wrong with it, in words.
pub fn named_pairs(text: &str) -> Result<Vec<NamedPair>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let clipped =
        |message: String| super::certificate::clipped(message.lines().next().unwrap_or_default());
    let document = read_yaml(text).map_err(|problem| clipped(problem.message))?;
    let file: Option<TraefikFile> =
        serde_json::from_value(document).map_err(|error| clipped(error.to_string()))?;
    let tls = file.and_then(|file| file.tls).unwrap_or_default();
    let defaults = tls
        .stores
        .into_iter()
        .flatten()
        .filter_map(|(_, store)| store?.default_certificate);
    let mut pairs: Vec<NamedPair> = tls.certificates.unwrap_or_default();
    for pair in defaults {
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs.retain(|pair| !pair.cert_file.is_empty());
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn configurations_that_name_nothing_or_are_none_are_told_apart() {
        for text in [
            "",
            "# only a comment\n",
            "entryPoints: {web: {address: ':80'}}\n",
            "tls:\n",
            "tls: {certificates: null}\n",
        ] {
            assert_eq!(named_pairs(text), Ok(Vec::new()), "{text}");
        }
        for text in ["tls: [", "- a\n- b\n", "tls: {certificates: 7}"] {
            assert!(named_pairs(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_configuration_makes_it_panic(text in "\\PC{0,200}", body in "[a-zA-Z:\\[\\]{}&*!|> \n-]{0,120}") {
            let _ = named_pairs(&text);
            let _ = named_pairs(&format!("tls:\n  certificates:\n    - {body}"));
        }
    }
}
