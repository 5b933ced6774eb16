//! Cases of `software.registry-login`.

use std::collections::BTreeMap;

use super::*;
use crate::{
    checks::cases::{Case, judge_cases},
    facts::{
        Facts,
        registry::{ImageAnswer, LoginAnswer},
    },
};

const HUB: &str = "https://index.docker.io/v1/";

fn file(content: Observed<LoginContent>) -> impl Fn(&mut Facts) {
    move |facts| {
        facts.offline = true;
        facts.registry_login = Observed::Seen(RegistryLogins {
            registry: DOCKER_HUB.into(),
            answers: Observed::NotAsked,
            images: Observed::NotAsked,
            files: vec![
                LoginFile {
                    path: "/home/operator/.docker/config.json".into(),
                    content: Observed::Absent,
                },
                LoginFile {
                    path: "/root/.docker/config.json".into(),
                    content: content.clone(),
                },
            ],
        });
    }
}

fn login(registry: &str, login: Login) -> Observed<LoginContent> {
    Observed::Seen(LoginContent {
        logins: BTreeMap::from([(registry.to_owned(), login)]),
        ..LoginContent::default()
    })
}

fn store(stored: Observed<BTreeMap<String, String>>) -> Observed<LoginContent> {
    Observed::Seen(LoginContent {
        store: Some("pass".into()),
        stored,
        ..LoginContent::default()
    })
}

/// A login in root's file, and what the registry says to it.
fn answered(trouble: Option<Trouble>) -> impl Fn(&mut Facts) {
    move |facts| {
        let inline = Login::Inline {
            username: Some("customer".into()),
        };
        file(login(HUB, inline))(facts);
        facts.offline = false;
        if let Observed::Seen(logins) = &mut facts.registry_login {
            logins.answers = Observed::Seen(vec![LoginAnswer {
                file: "/root/.docker/config.json".into(),
                trouble: trouble.clone(),
            }]);
        }
    }
}

/// The registry lets nobody with root's login have the node's image.
fn refuses_the_image(facts: &mut Facts) {
    if let Observed::Seen(logins) = &mut facts.registry_login {
        logins.images = Observed::Seen(vec![ImageAnswer {
            service: "sesam-node".into(),
            image: "sesam/sesam-node:weekly-prod".into(),
            login: Some("/root/.docker/config.json".into()),
            trouble: Some(Trouble::Unauthorized {
                by: "registry".into(),
            }),
            ..ImageAnswer::default()
        }]);
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn what_the_registry_says_to_a_login_counts() {
    let by = || "auth.docker.io".to_owned();
    let unknown = |name, cause, trouble| {
        Case::new(name, Status::Unknown, Some(cause), answered(Some(trouble)))
    };
    judge_cases(
        &REGISTRY_LOGIN,
        &[
            Case::new("accepted", Status::Pass, None, answered(None)),
            Case::new(
                "rejected",
                Status::Fail,
                Some("rejected"),
                answered(Some(Trouble::Unauthorized { by: by() })),
            ),
            Case::new(
                "a token that is not tried",
                Status::Pass,
                None,
                answered(Some(Trouble::NotTried {
                    why: "a token".into(),
                })),
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
                Trouble::Untrusted { how: "odd".into() },
            ),
            unknown(
                "too often",
                "rate-limited",
                Trouble::RateLimited {
                    by: by(),
                    retry_after: None,
                },
            ),
            unknown(
                "broken",
                "service-error",
                Trouble::ServiceError {
                    by: by(),
                    status: 502,
                },
            ),
            unknown("no registry", "wrong-service", Trouble::NotFound),
            unknown(
                "odd",
                "wrong-service",
                Trouble::Unexpected { how: "odd".into() },
            ),
            Case::new(
                "may not have the node's image",
                Status::Fail,
                Some("no-access"),
                |facts: &mut Facts| {
                    answered(None)(facts);
                    refuses_the_image(facts);
                },
            ),
            Case::new(
                "one login's file may not be read, the other's registry does not answer",
                Status::Unknown,
                Some("registry-unreachable"),
                |facts: &mut Facts| {
                    answered(Some(Trouble::NoWay {
                        how: "silent".into(),
                    }))(facts);
                    if let Observed::Seen(logins) = &mut facts.registry_login {
                        logins.files[0].content = Observed::Denied("needs root".into());
                    }
                },
            ),
            Case::new(
                "the registry was silent at the login, and refused the image",
                Status::Unknown,
                Some("registry-unreachable"),
                |facts: &mut Facts| {
                    answered(Some(Trouble::NoWay {
                        how: "silent".into(),
                    }))(facts);
                    refuses_the_image(facts);
                },
            ),
            Case::new(
                "another account's login is accepted, and is not the image's",
                Status::Unknown,
                Some("registry-unreachable"),
                |facts: &mut Facts| {
                    answered(Some(Trouble::NoWay {
                        how: "silent".into(),
                    }))(facts);
                    refuses_the_image(facts);
                    if let Observed::Seen(logins) = &mut facts.registry_login {
                        logins.answers = logins.answers.clone().map(|mut answers| {
                            answers.push(LoginAnswer {
                                file: "/home/operator/.docker/config.json".into(),
                                trouble: None,
                            });
                            answers
                        });
                    }
                },
            ),
            Case::new(
                "another account's file is damaged",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    answered(None)(facts);
                    if let Observed::Seen(logins) = &mut facts.registry_login {
                        logins.files[0].content = Observed::Seen(LoginContent {
                            malformed: Some("it is no JSON".into()),
                            ..LoginContent::default()
                        });
                    }
                },
            ),
            Case::new(
                "not tried by an older doctor",
                Status::Unknown,
                Some("not-observed"),
                |facts: &mut Facts| {
                    answered(None)(facts);
                    if let Observed::Seen(logins) = &mut facts.registry_login {
                        logins.answers = Observed::NotAsked;
                    }
                },
            ),
            Case::new(
                "for a registry of one's own",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    let inline = Login::Inline { username: None };
                    file(login("https://registry.company.com/v2/", inline))(facts);
                    if let Observed::Seen(logins) = &mut facts.registry_login {
                        logins.registry = "registry.company.com".into();
                    }
                },
            ),
        ],
    );
}

#[test]
fn cases() {
    let inline = || Login::Inline {
        username: Some("customer".into()),
    };
    let helper = |answer| Login::Helper {
        helper: "pass".into(),
        answer,
    };
    let malformed = Observed::Seen(LoginContent {
        malformed: Some("it is no JSON".into()),
        ..LoginContent::default()
    });
    let unusable = Login::Unusable {
        why: "empty".into(),
    };
    let held = BTreeMap::from([(HUB.to_owned(), "customer".to_owned())]);
    judge_cases(
        &REGISTRY_LOGIN,
        &[
            Case::new(
                "in the file",
                Status::Pass,
                None,
                file(login(HUB, inline())),
            ),
            Case::new(
                "another spelling",
                Status::Pass,
                None,
                file(login("docker.io", inline())),
            ),
            Case::new(
                "held by a helper",
                Status::Pass,
                None,
                file(login(HUB, helper(Observed::Seen("customer".into())))),
            ),
            Case::new(
                "held by the store",
                Status::Pass,
                None,
                file(store(Observed::Seen(held))),
            ),
            Case::new(
                "for another registry",
                Status::Fail,
                Some("missing"),
                file(login("ghcr.io", inline())),
            ),
            Case::new(
                "no file",
                Status::Fail,
                Some("missing"),
                file(Observed::Absent),
            ),
            Case::new(
                "an empty store",
                Status::Fail,
                Some("missing"),
                file(store(Observed::Seen(BTreeMap::new()))),
            ),
            Case::new(
                "a store that fails",
                Status::Fail,
                Some("helper-failed"),
                file(store(Observed::Failed("not installed".into()))),
            ),
            Case::new(
                "a helper that hangs",
                Status::Fail,
                Some("helper-failed"),
                file(login(HUB, helper(Observed::TimedOut("hangs".into())))),
            ),
            Case::new(
                "without a password",
                Status::Fail,
                Some("unusable"),
                file(login(HUB, unusable)),
            ),
            Case::new("no JSON", Status::Fail, Some("malformed"), file(malformed)),
            Case::new(
                "not allowed",
                Status::Unknown,
                Some("needs-root"),
                file(Observed::Denied("needs root".into())),
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
