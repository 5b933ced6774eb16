//! Cases of `container.image`.

use super::*;
use crate::{
    checks::cases::{Case, engine, first_is_not_told, judge_cases},
    facts::{Facts, registry::RegistryLogins},
};

const NODE: &str = "sesam/sesam-node:weekly-prod";

/// The machine runs an image of digest `sha256:ours`, and the registry answers for it.
fn registry(
    service: &'static str,
    image: &'static str,
    digests: &'static [&'static str],
    answer: ImageAnswer,
) -> impl Fn(&mut Facts) {
    move |facts| {
        node(image, service, &[])(facts);
        engine(|engine| {
            engine.images = Observed::Seen(vec![Image {
                id: "sha256:old".into(),
                tags: vec![image.into()],
                digests: digests.iter().map(|text| (*text).to_owned()).collect(),
                ..Image::default()
            }]);
        })(facts);
        facts.offline = false;
        facts.registry_login = Observed::Seen(RegistryLogins {
            images: Observed::Seen(vec![ImageAnswer {
                service: service.into(),
                image: image.into(),
                ..answer.clone()
            }]),
            ..RegistryLogins::default()
        });
    }
}

fn serves(digest: &str) -> ImageAnswer {
    ImageAnswer {
        digest: Some(digest.into()),
        limit: Some("100;w=21600".into()),
        limit_left: Some("76;w=21600".into()),
        ..ImageAnswer::default()
    }
}

fn refuses(trouble: Trouble) -> ImageAnswer {
    ImageAnswer {
        trouble: Some(trouble),
        ..ImageAnswer::default()
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn what_the_registry_serves_is_compared() {
    const OURS: &[&str] = &["sesam/sesam-node@sha256:ours"];
    let by = || "registry-1.docker.io".to_owned();
    let unknown = |name, cause, trouble| {
        Case::new(
            name,
            Status::Unknown,
            Some(cause),
            registry("sesam-node", NODE, OURS, refuses(trouble)),
        )
    };
    judge_cases(
        &IMAGE,
        &[
            Case::new(
                "the registry's",
                Status::Pass,
                None,
                registry("sesam-node", NODE, OURS, serves("sha256:ours")),
            ),
            Case::new(
                "the registry's, which has had another digest before",
                Status::Pass,
                None,
                registry(
                    "sesam-node",
                    NODE,
                    &[
                        "sesam/sesam-node@sha256:before",
                        "sesam/sesam-node@sha256:ours",
                    ],
                    serves("sha256:ours"),
                ),
            ),
            Case::new(
                "a newer one there",
                Status::Fail,
                Some("outdated"),
                registry("sesam-node", NODE, OURS, serves("sha256:newer")),
            ),
            Case::new(
                "another's newer one",
                Status::Warn,
                Some("outdated"),
                registry(
                    "traefik",
                    "traefik:v2.8",
                    &["traefik@sha256:ours"],
                    serves("sha256:newer"),
                ),
            ),
            Case::new(
                "another service's and another tag's answers say nothing of it",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    registry("sesam-node", NODE, OURS, serves("sha256:ours"))(facts);
                    if let Observed::Seen(logins) = &mut facts.registry_login {
                        let mine = logins.images.clone();
                        logins.images = mine.map(|mine| {
                            let other = |service: &str, image: &str| ImageAnswer {
                                service: service.into(),
                                image: image.into(),
                                ..serves("sha256:newer")
                            };
                            let others = vec![
                                other("traefik", NODE),
                                other("sesam-node", "sesam/sesam-node:nightly"),
                            ];
                            others.into_iter().chain(mine).collect()
                        });
                    }
                },
            ),
            Case::new(
                "a limit in no form that is known",
                Status::Pass,
                None,
                registry(
                    "sesam-node",
                    NODE,
                    OURS,
                    ImageAnswer {
                        limit: Some("100;w=x".into()),
                        limit_left: Some("many".into()),
                        ..serves("sha256:ours")
                    },
                ),
            ),
            Case::new(
                "rate-limited until a date",
                Status::Unknown,
                Some("rate-limited"),
                registry(
                    "sesam-node",
                    NODE,
                    OURS,
                    refuses(Trouble::RateLimited {
                        by: by(),
                        retry_after: Some("Wed, 25 Nov 2026 10:00:00 GMT".into()),
                    }),
                ),
            ),
            Case::new(
                "no digest here",
                Status::Unknown,
                Some("no-digest"),
                registry("sesam-node", NODE, &[], serves("sha256:newer")),
            ),
            Case::new(
                "a digest of another repository",
                Status::Unknown,
                Some("no-digest"),
                registry(
                    "sesam-node",
                    NODE,
                    &["mine@sha256:ours"],
                    serves("sha256:ours"),
                ),
            ),
            Case::new(
                "not there",
                Status::Warn,
                Some("not-in-registry"),
                registry("sesam-node", NODE, OURS, refuses(Trouble::NotFound)),
            ),
            Case::new(
                "pinned",
                Status::Pass,
                None,
                registry(
                    "traefik",
                    "traefik@sha256:ours",
                    &[],
                    refuses(Trouble::NotTried {
                        why: "pinned".into(),
                    }),
                ),
            ),
            unknown(
                "no way",
                "registry-unreachable",
                Trouble::NoWay {
                    how: "silent".into(),
                },
            ),
            unknown(
                "untrusted",
                "registry-untrusted",
                Trouble::Untrusted {
                    how: "unknown".into(),
                },
            ),
            unknown(
                "unauthorised",
                "not-allowed",
                Trouble::Unauthorized { by: by() },
            ),
            unknown(
                "too often",
                "rate-limited",
                Trouble::RateLimited {
                    by: by(),
                    retry_after: Some("60".into()),
                },
            ),
            unknown(
                "broken",
                "service-error",
                Trouble::ServiceError {
                    by: by(),
                    status: 503,
                },
            ),
            unknown(
                "something else",
                "wrong-service",
                Trouble::Unexpected { how: "odd".into() },
            ),
            Case::new(
                "not asked by an older doctor",
                Status::Unknown,
                Some("not-observed"),
                |facts: &mut Facts| {
                    node(NODE, "sesam-node", &[("sha256:old", NODE)])(facts);
                    facts.offline = false;
                },
            ),
        ],
    );
}

fn node(
    tag: &'static str,
    name: &'static str,
    images: &'static [(&'static str, &'static str)],
) -> impl Fn(&mut Facts) {
    let there = engine(move |engine| {
        engine.containers = Observed::Seen(vec![Container {
            name: name.into(),
            details: Observed::Seen(Details {
                image: tag.into(),
                image_id: "sha256:old".into(),
                ..Details::default()
            }),
            ..Container::default()
        }]);
        engine.images = Observed::Seen(
            images
                .iter()
                .map(|(id, tag)| Image {
                    id: (*id).into(),
                    tags: vec![(*tag).into()],
                    created: "2026-11-01T00:00:00Z".parse().ok(),
                    ..Image::default()
                })
                .collect(),
        );
    });
    move |facts| {
        facts.offline = true;
        there(facts);
    }
}

#[test]
fn cases() {
    judge_cases(
        &IMAGE,
        &[
            Case::new(
                "newest here",
                Status::Pass,
                None,
                node(NODE, "sesam-node", &[("sha256:old", NODE)]),
            ),
            Case::new(
                "tag gone",
                Status::Pass,
                None,
                node(NODE, "sesam-node", &[]),
            ),
            Case::new(
                "pulled, not used",
                Status::Fail,
                Some("outdated"),
                node(
                    NODE,
                    "sesam-node",
                    &[("sha256:old", "<none>:<none>"), ("sha256:new", NODE)],
                ),
            ),
            Case::new(
                "another's, pulled, not used",
                Status::Warn,
                Some("outdated"),
                node("traefik", "traefik", &[("sha256:new", "traefik:latest")]),
            ),
            Case::new(
                "no channel",
                Status::Warn,
                Some("unknown-channel"),
                node("sesam/sesam-node:1.2.3", "sesam-node", &[]),
            ),
            Case::new(
                "no containers",
                Status::Skip,
                None,
                node(NODE, "other", &[]),
            ),
            Case::new(
                "not looked at",
                Status::Unknown,
                Some("timed-out"),
                |facts: &mut Facts| {
                    node(NODE, "sesam-node", &[])(facts);
                    first_is_not_told(facts);
                },
            ),
            Case::new(
                "no images told",
                Status::Unknown,
                Some("timed-out"),
                |facts: &mut Facts| {
                    node(NODE, "sesam-node", &[])(facts);
                    engine(|engine| engine.images = Observed::TimedOut("images".into()))(facts);
                },
            ),
            Case::new(
                "nothing seen",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
        ],
    );
}
