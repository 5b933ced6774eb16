//! Asking registries, by the protocol of Docker's: an unauthorised question, the challenge, a token for it, and the question again.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::Arc};

use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use super::{
    ImageAnswer, StackImage, Trouble,
    challenge::Challenge,
    credential::Credential,
    words::{self, Answer},
};
use crate::{
    facts::{
        Site,
        image_reference::{DOCKER_HUB, ImageReference},
        outbound::{Families, Prober, Question, Verb, host_of},
    },
    profile::{OutboundHost, ProxyUser},
    redact::Redactor,
};

/// The kinds of manifest that a tag may name: of several platforms or of one, by OCI or by Docker. A registry gives
/// another digest to whoever understands fewer.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// Asks registries as the Docker daemon would: by its proxy, and trusting whom the machine trusts.
pub(super) struct Asker {
    prober: Prober,
    /// Where Docker Hub answers.
    hub: String,
    redactor: Redactor,
    challenges: Mutex<BTreeMap<String, AskedOnce>>,
}

/// What a registry wants, or why it did not say so; whoever comes second waits for the first.
type AskedOnce = Arc<OnceCell<Result<Wants, Trouble>>>;

/// What a registry wants before it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wants {
    /// Nothing.
    Nothing,
    /// A login.
    Login(Challenge),
}

impl Asker {
    pub(super) fn new(prober: Prober, site: &Site) -> Self {
        Self {
            prober,
            hub: site.profile.network.registry_blob.registry.clone(),
            redactor: site.redactor.clone(),
            challenges: Mutex::default(),
        }
    }

    /// Whether a registry accepts a login.
    pub(super) async fn try_login(
        &self,
        registry: &str,
        credential: &Credential,
    ) -> Result<(), Trouble> {
        if *credential == Credential::Token {
            return Err(Trouble::NotTried {
                why: "it is a token that only the docker client can renew".into(),
            });
        }
        let authorization = match self.wants(registry).await? {
            Wants::Nothing => {
                return Err(Trouble::NotTried {
                    why: format!("{registry} answers without any login"),
                });
            }
            Wants::Login(challenge) => {
                self.authorization(&challenge, None, Some(credential), registry)
                    .await?
            }
        };
        let answer = self
            .question(registry, Verb::Get, "/v2/", "*/*", authorization.as_deref())
            .await?;
        match answer.status {
            200..300 => Ok(()),
            _ => Err(refusal(&answer, registry)),
        }
    }

    /// What a registry serves for an image's tag.
    pub(super) async fn image(
        &self,
        image: StackImage,
        reference: &ImageReference,
        login: Option<(PathBuf, Credential)>,
    ) -> ImageAnswer {
        let (file, credential) = login.unzip();
        let mut answer = ImageAnswer {
            service: image.service,
            image: image.image,
            login: file,
            digest: None,
            trouble: None,
            limit_left: None,
            limit: None,
        };
        match self.manifest(reference, credential.as_ref()).await {
            Err(trouble) => answer.trouble = Some(trouble),
            Ok(head) => {
                answer.limit_left = head.headers.get("ratelimit-remaining").cloned();
                answer.limit = head.headers.get("ratelimit-limit").cloned();
                let digest = head.headers.get("docker-content-digest");
                match (head.status, digest) {
                    (200..300, Some(digest)) => answer.digest = Some(digest.clone()),
                    (200..300, None) => {
                        answer.trouble = Some(Trouble::Unexpected {
                            how: format!("{} gives no digest for the image", head.host),
                        });
                    }
                    _ => answer.trouble = Some(refusal(&head, reference.registry())),
                }
            }
        }
        answer
    }

    async fn manifest(
        &self,
        reference: &ImageReference,
        credential: Option<&Credential>,
    ) -> Result<Answer, Trouble> {
        let (Some(tag), None) = (&reference.tag, &reference.digest) else {
            return Err(Trouble::NotTried {
                why: "the image is named by its digest, so no other can take its place".into(),
            });
        };
        let registry = reference.registry();
        let repository = reference.path();
        let authorization = match self.wants(registry).await? {
            Wants::Nothing => None,
            Wants::Login(challenge) => {
                let scope = format!("repository:{repository}:pull");
                self.authorization(&challenge, Some(&scope), credential, registry)
                    .await?
            }
        };
        let path = format!("/v2/{repository}/manifests/{tag}");
        self.question(
            registry,
            Verb::Head,
            &path,
            MANIFESTS,
            authorization.as_deref(),
        )
        .await
    }

    /// What a registry wants, asked once for all its images and logins.
    async fn wants(&self, registry: &str) -> Result<Wants, Trouble> {
        let cell = {
            let mut challenges = self.challenges.lock().await;
            Arc::clone(challenges.entry(registry.to_owned()).or_default())
        };
        cell.get_or_init(|| async {
            let answer = self
                .question(registry, Verb::Get, "/v2/", "*/*", None)
                .await?;
            match answer.status {
                200..300 => Ok(Wants::Nothing),
                401 => {
                    let header = answer.headers.get("www-authenticate");
                    let challenge = header.and_then(|header| Challenge::parse(header));
                    challenge
                        .map(Wants::Login)
                        .ok_or_else(|| Trouble::Unexpected {
                            how: format!("{} does not say how to log in to it", answer.host),
                        })
                }
                _ => Err(refusal(&answer, registry)),
            }
        })
        .await
        .clone()
    }

    /// The value of `Authorization` that meets a challenge; nothing where a registry wants a password and there is none.
    async fn authorization(
        &self,
        challenge: &Challenge,
        scope: Option<&str>,
        credential: Option<&Credential>,
        registry: &str,
    ) -> Result<Option<String>, Trouble> {
        let login = credential.and_then(Credential::basic);
        match challenge {
            Challenge::Basic if login.is_none() => Err(Trouble::Unauthorized {
                by: self.address(registry).0,
            }),
            Challenge::Basic => Ok(login),
            Challenge::Bearer { realm, service } => {
                let token = self.token(realm, service, scope, login.as_deref()).await?;
                Ok(Some(format!("Bearer {token}")))
            }
        }
    }

    /// Asks the token endpoint, as in the registry's specification of token authentication.
    async fn token(
        &self,
        realm: &str,
        service: &str,
        scope: Option<&str>,
        login: Option<&str>,
    ) -> Result<String, Trouble> {
        let Some((host, port)) = host_of(realm) else {
            return Err(Trouble::Unexpected {
                how: "the registry sends logins to an address that is no https:// one".into(),
            });
        };
        let path = realm
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
            .unwrap_or("/");
        let separator = if path.contains('?') { '&' } else { '?' };
        let scope = scope.map_or_else(String::new, |scope| format!("&scope={}", encoded(scope)));
        let path = format!("{path}{separator}service={}{scope}", encoded(service));
        let answer = self
            .at(&host, port, Verb::Get, &path, "application/json", login)
            .await?;
        if !(200..300).contains(&answer.status) {
            return Err(refusal(&answer, &host));
        }
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = ["token", "access_token"]
            .iter()
            .find_map(|name| document.get(name)?.as_str())
            .filter(|token| !token.is_empty());
        match token {
            Some(token) => {
                self.redactor.learn(token);
                Ok(token.to_owned())
            }
            None => Err(Trouble::Unexpected {
                how: format!("{host} gives no token"),
            }),
        }
    }

    async fn question(
        &self,
        registry: &str,
        verb: Verb,
        path: &str,
        accept: &str,
        login: Option<&str>,
    ) -> Result<Answer, Trouble> {
        let (host, port) = self.address(registry);
        self.at(&host, port, verb, path, accept, login).await
    }

    async fn at(
        &self,
        host: &str,
        port: u16,
        verb: Verb,
        path: &str,
        accept: &str,
        login: Option<&str>,
    ) -> Result<Answer, Trouble> {
        let place = OutboundHost {
            host: host.to_owned(),
            port,
            ..OutboundHost::default()
        };
        let question = Question {
            verb,
            path,
            accept,
            token: None,
            login,
        };
        let (probe, body) = self
            .prober
            .ask(
                String::new(),
                &place,
                ProxyUser::Daemon,
                question,
                Families::First,
            )
            .await;
        words::answer(&probe, body)
    }

    /// Where a registry answers.
    fn address(&self, registry: &str) -> (String, u16) {
        if registry == DOCKER_HUB {
            return (self.hub.clone(), 443);
        }
        match registry.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port.parse().unwrap_or(443)),
            None => (registry.to_owned(), 443),
        }
    }
}

/// What an answer means that is not the one that was hoped for.
fn refusal(answer: &Answer, registry: &str) -> Trouble {
    let by = answer.host.clone();
    match answer.status {
        401 | 403 => Trouble::Unauthorized { by },
        404 => Trouble::NotFound,
        429 => Trouble::RateLimited {
            by,
            retry_after: answer.headers.get("retry-after").cloned(),
        },
        status @ 500.. => Trouble::ServiceError { by, status },
        status => Trouble::Unexpected {
            how: format!("{registry} answers with the HTTP status {status}"),
        },
    }
}

/// Percent-encoding of a query's value, RFC 3986.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_query_are_encoded() {
        assert_eq!(encoded("repository:a/b:pull"), "repository%3Aa%2Fb%3Apull");
    }
}
