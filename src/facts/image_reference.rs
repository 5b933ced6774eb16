//! The name of a container image, in the spellings that mean the same.

use std::fmt;

/// The registry of images whose name has none.
pub const DOCKER_HUB: &str = "docker.io";

/// A repository with a tag or a digest, as in `docker.io/library/traefik:v2.8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// The repository, without what Docker adds by itself: `traefik`, `sesam/sesam-node`, `registry.example.com/x`.
    pub repository: String,
    /// The tag; `latest` where neither tag nor digest is said.
    pub tag: Option<String>,
    /// The digest that pins it.
    pub digest: Option<String>,
}

impl ImageReference {
    /// Takes a reference apart; anything is one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (text, None),
        };
        // A colon before the last slash belongs to a registry's port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.to_owned())),
            _ => (name, None),
        };
        let short = ["docker.io/", "index.docker.io/", "registry-1.docker.io/"]
            .iter()
            .find_map(|prefix| repository.strip_prefix(prefix))
            .unwrap_or(repository);
        let short = short.strip_prefix("library/").unwrap_or(short);
        Self {
            repository: short.to_owned(),
            tag: tag.or_else(|| digest.is_none().then(|| "latest".to_owned())),
            digest,
        }
    }

    /// The registry, as in `docker.io` or `registry.example.com:5000`.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.split().0
    }

    /// The repository within its registry, as in `library/traefik`.
    #[must_use]
    pub fn path(&self) -> String {
        match self.split() {
            (DOCKER_HUB, name) if !name.contains('/') => format!("library/{name}"),
            (_, name) => name.to_owned(),
        }
    }

    /// What stands before the first slash is a registry where it has a dot or a port, or is this machine.
    fn split(&self) -> (&str, &str) {
        match self.repository.split_once('/') {
            Some((registry, name)) if registry.contains(['.', ':']) || registry == "localhost" => {
                (registry, name)
            }
            _ => (DOCKER_HUB, &self.repository),
        }
    }

    /// Whether this is `repository`, from Docker Hub or from a registry that mirrors it.
    #[must_use]
    pub fn is_of(&self, repository: &str) -> bool {
        self.repository == repository
            || self
                .repository
                .strip_suffix(repository)
                .is_some_and(|registry| registry.ends_with('/'))
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(formatter, "@{digest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_that_mean_the_same_are_the_same() {
        for (text, shown) in [
            ("traefik", "traefik:latest"),
            ("docker.io/library/traefik:v2.8", "traefik:v2.8"),
            (
                "docker.io/sesam/sesam-node:weekly",
                "sesam/sesam-node:weekly",
            ),
            (
                "registry.example.com:5000/x",
                "registry.example.com:5000/x:latest",
            ),
            ("traefik@sha256:00", "traefik@sha256:00"),
            ("traefik:v2@sha256:00", "traefik:v2@sha256:00"),
        ] {
            assert_eq!(ImageReference::parse(text).to_string(), shown, "{text}");
        }
        for (text, registry, path) in [
            ("traefik", DOCKER_HUB, "library/traefik"),
            (
                "docker.io/sesam/sesam-node:weekly",
                DOCKER_HUB,
                "sesam/sesam-node",
            ),
            (
                "registry.example.com:5000/a/b:c",
                "registry.example.com:5000",
                "a/b",
            ),
            ("localhost/x", "localhost", "x"),
        ] {
            let reference = ImageReference::parse(text);
            assert_eq!(
                (reference.registry(), reference.path().as_str()),
                (registry, path)
            );
        }
        let mirrored = ImageReference::parse("mirror.example.com/sesam/sesam-node:weekly");
        assert!(mirrored.is_of("sesam/sesam-node"));
        assert!(!ImageReference::parse("mysesam/sesam-node").is_of("sesam/sesam-node"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let reference = ImageReference::parse(&text);
            let _ = (reference.to_string(), reference.path());
        }
    }
}
