//! `container.image`

use jiff::SignedDuration;

use super::{FOREIGN, find, service::check_of};
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, OFFLINE, Prose,
        Remedy, Status, Verdict, dns, outbound,
        registry_trouble::{
            self, NOT_ALLOWED, RATE_LIMITED, SERVICE_ERROR, UNREACHABLE, UNTRUSTED, WRONG_SERVICE,
        },
        software,
    },
    facts::{
        Gap, Observed, Source,
        docker::{Container, Details, Image},
        image_reference::ImageReference,
        registry::{ImageAnswer, Trouble},
    },
    profile,
    units::{counted, roughly},
};

const OUTDATED: Cause = Cause::new(
    "outdated",
    "the registry, or this machine, has a newer image under the tag than the container runs",
);
const UNKNOWN_CHANNEL: Cause = Cause::new("unknown-channel", "the tag is no software channel");
const NOT_IN_REGISTRY: Cause = Cause::new(
    "not-in-registry",
    "the registry knows no such image or tag, so it is never updated",
);
const NO_DIGEST: Cause = Cause::new(
    "no-digest",
    "the image was loaded or built on this machine, so that it cannot be compared with the registry's",
);

/// See [`Prose::checks`] in the declaration.
pub static IMAGE: Check = Check {
    id: "container.image",
    title: "Containers run the newest image of their tag",
    category: Category::Container,
    level: Level::Required,
    needs: &[
        &software::DOCKER,
        &software::REGISTRY_LOGIN,
        &outbound::DOCKER,
    ],
    reads: &[Source::Docker, Source::RegistryLogin],
    reference: "Operator's manual, software channels: self-hosted customers run the newest image of their channel",
    causes: &[
        OUTDATED,
        UNKNOWN_CHANNEL,
        NOT_IN_REGISTRY,
        NO_DIGEST,
        UNREACHABLE,
        UNTRUSTED,
        NOT_ALLOWED,
        RATE_LIMITED,
        SERVICE_ERROR,
        WRONG_SERVICE,
    ],
    prose: Prose {
        checks: "For each container of the stack: the image it was made of is the one that its tag names on this machine now, and has the digest that the registry serves for the tag. The registry is asked as the Docker daemon would, by its proxy and with the first login that is stored for it, and only for the head of the manifest, which Docker Hub does not count as a pull; what it says of its limits is shown. Another digest fails for the node and warns for the others. The node's tag is one of the profile's `stack.channels`; another warns. Where the registry cannot be asked, it is unknown, with the reason; with `--offline` it is not asked.",
        why: "Self-hosted customers have to run the newest image of their channel; an old node meets a portal that no longer knows it. A tag that is no channel is never updated.",
        remedy: "Fetch the newer image and make the container anew from it, in the stack's directory: `docker compose pull` and `docker compose up -d`. Set SESAM_NODE_IMAGE_TAG in `.env` to a channel: weekly-prod for production. See why Watchtower has not done it: `docker logs watchtower`.",
    },
    mends: &[
        Mend::new(Remedy::PullImages, &[OUTDATED]),
        Mend::new(Remedy::ComposeUp, &[OUTDATED]),
    ],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let engine = context.facts.docker().seen()?.engine()?;
    let containers = engine.containers.seen()?;
    let images = engine.images.seen()?;
    let answers = registry_answers(context);
    let services = &context.profile.stack.services;
    let mut items = Vec::new();
    let mut advice = Vec::new();
    let mut unseen = Vec::new();
    for service in services {
        let Some(container) = find(containers, service, None) else {
            // That it is missing is said by its own check.
            continue;
        };
        let details = match container.details.seen() {
            Ok(details) => details,
            Err(gap) => {
                items.push(Item::unknown(&service.name, &gap));
                unseen.extend(check_of(&service.name));
                continue;
            }
        };
        let look = Look {
            context,
            service,
            container,
            details,
            images,
            answers,
        };
        let (item, step) = look.judge();
        items.push(item);
        advice.extend(step);
    }
    if items.is_empty() {
        return Ok(Verdict::skip("none of the stack's containers exists"));
    }
    let all_well = if context.facts.is_offline() {
        "every container runs the image that its tag names here"
    } else {
        "every container runs the image that the registry serves for its tag"
    };
    let mut verdict = Verdict::worst_of(items, all_well)
        .expected("the newest image of a software channel")
        .advice_all(advice)
        // What stands in a container's place has another image.
        .follows(&FOREIGN);
    for answer in answers.unwrap_or_default() {
        if let Some(evidence) = in_words(answer) {
            verdict = verdict.evidence(format!("registry on {}", answer.service), evidence);
        }
    }
    if context.facts.is_offline() {
        verdict = verdict.remark(format!(
            "whether the registry has newer images was not asked: {OFFLINE}"
        ));
    }
    // What is compared is known, whatever else is wrong on the way to the registry.
    Ok(match verdict.status {
        // While the engine kept silent about one container, no registry was asked about any.
        Status::Unknown => unseen
            .into_iter()
            .fold(verdict, Verdict::follows)
            .follows(&outbound::DOCKER)
            .follows(&dns::RESOLVERS),
        _ => verdict.stands_alone(),
    })
}

/// What the registries said; nothing where the run was to ask none.
fn registry_answers<'a>(context: &Context<'a>) -> Option<&'a [ImageAnswer]> {
    if context.facts.is_offline() {
        return None;
    }
    let images = context
        .facts
        .registry_login()
        .seen()
        .ok()
        .map(|logins| &logins.images);
    match images {
        Some(Observed::Seen(images)) => Some(images),
        _ => Some(&[]),
    }
}

fn in_words(answer: &ImageAnswer) -> Option<String> {
    let digest = answer.digest.as_ref()?;
    Some(match (&answer.limit_left, &answer.limit) {
        (Some(left), Some(limit)) => {
            let left = left.split(';').next().unwrap_or(left);
            format!("{digest}; {left} left of {}", pulls(limit))
        }
        _ => digest.clone(),
    })
}

/// `100;w=21600`, as Docker Hub writes its limits, in words.
fn pulls(limit: &str) -> String {
    let parts = limit.split_once(";w=").and_then(|(count, seconds)| {
        let count: u64 = count.trim().parse().ok()?;
        let seconds = seconds.trim().parse().ok()?;
        Some((count, SignedDuration::from_secs(seconds)))
    });
    match parts {
        Some((count, time)) => format!("{} in {}", counted(count, "pull"), roughly(time)),
        None => limit.to_owned(),
    }
}

/// One container, and all that tells what it should run.
struct Look<'a> {
    context: &'a Context<'a>,
    service: &'a profile::Service,
    container: &'a Container,
    details: &'a Details,
    images: &'a [Image],
    answers: Option<&'a [ImageAnswer]>,
}

impl Look<'_> {
    fn judge(&self) -> (Item, Option<String>) {
        let name = &self.service.name;
        let asked = ImageReference::parse(if self.details.image.is_empty() {
            &self.container.image
        } else {
            &self.details.image
        });
        let current = self.images.iter().find(|image| {
            image
                .tags
                .iter()
                .any(|tag| ImageReference::parse(tag) == asked)
        });
        let running = self
            .images
            .iter()
            .find(|image| image.id == self.details.image_id);
        let age = self.age(running);
        if let Some(current) = current
            && current.id != self.details.image_id
            && !self.details.image_id.is_empty()
        {
            let summary = format!(
                "runs an image{age} that {asked} named once; a newer one has been pulled and is not used"
            );
            return (
                self.outdated(summary)
                    .observed(self.details.image_id.as_str()),
                Some(format!(
                    "make {name} anew, in the stack's directory: docker compose up -d {name}"
                )),
            );
        }
        let answer = self.answer(&asked);
        if let Some(Ok(digest)) = &answer
            && let Some(own) = own_digests(running, &asked).next()
            && own_digests(running, &asked).all(|own| own != *digest)
        {
            let summary = format!("runs an image{age}; the registry has a newer one for {asked}");
            return (
                self.outdated(summary).observed(own),
                Some(format!(
                    "fetch it and make {name} anew, in the stack's directory: docker compose pull {name} && docker compose up -d {name}"
                )),
            );
        }
        let channels = &self.context.profile.stack.channels;
        let is_channel = asked.tag.as_ref().is_some_and(|tag| channels.contains(tag));
        if self.is_node() && !is_channel {
            return (
                Item::warn(
                    name,
                    UNKNOWN_CHANNEL,
                    format!("{asked} is no software channel, so it is never updated"),
                ),
                Some(format!(
                    "set SESAM_NODE_IMAGE_TAG in .env to one of {}, and apply it with `docker compose up -d`",
                    channels.join(", ")
                )),
            );
        }
        match answer {
            Some(Err(NoDigest::Trouble(trouble))) => troubled(name, trouble, &asked, &age),
            Some(Err(NoDigest::Gap)) => (Item::unknown(name, &Gap::NotAsked), None),
            Some(Ok(_)) if own_digests(running, &asked).next().is_none() => (
                Item::undetermined(
                    name,
                    NO_DIGEST,
                    format!(
                        "the image{age} was loaded or built on this machine, so nothing tells whether it is the registry's {asked}"
                    ),
                ),
                Some(format!(
                    "fetch the registry's, in the stack's directory: docker compose pull {name} && docker compose up -d {name}"
                )),
            ),
            Some(Ok(_)) => (
                Item::pass(name, format!("runs the registry's {asked}{age}")),
                None,
            ),
            None => (Item::pass(name, format!("runs {asked}{age}")), None),
        }
    }

    fn is_node(&self) -> bool {
        !self.service.private_ports.is_empty()
    }

    fn outdated(&self, summary: String) -> Item {
        if self.is_node() {
            Item::fail(&self.service.name, OUTDATED, summary)
        } else {
            Item::warn(&self.service.name, OUTDATED, summary)
        }
    }

    fn age(&self, image: Option<&Image>) -> String {
        image
            .and_then(|image| image.created)
            .map(|created| self.context.now.duration_since(created).as_hours() / 24)
            .and_then(|days| u64::try_from(days).ok())
            .map_or_else(String::new, |days| {
                format!(" (built {} ago)", counted(days, "day"))
            })
    }

    /// What the registry serves for the tag; nothing where it was not to be asked.
    fn answer(&self, asked: &ImageReference) -> Option<Result<&str, NoDigest<'_>>> {
        let answer = self.answers?.iter().find(|answer| {
            answer.service == self.service.name && ImageReference::parse(&answer.image) == *asked
        });
        Some(match answer {
            None => Err(NoDigest::Gap),
            Some(answer) => match (&answer.digest, &answer.trouble) {
                (Some(digest), _) => Ok(digest),
                (None, Some(trouble)) => Err(NoDigest::Trouble(trouble)),
                (None, None) => Err(NoDigest::Gap),
            },
        })
    }
}

/// Why the registry's digest is not known.
#[derive(Clone, Copy)]
enum NoDigest<'a> {
    Trouble(&'a Trouble),
    Gap,
}

/// By what digests the running image is known to the registry that it came from: it has several where an index was
/// written anew, as for another platform, and this machine's image in it stayed what it was.
fn own_digests<'a>(
    image: Option<&'a Image>,
    asked: &ImageReference,
) -> impl Iterator<Item = &'a str> {
    let digests = image.into_iter().flat_map(|image| &image.digests);
    digests.filter_map(|text| {
        let (_, digest) = text.split_once('@')?;
        (ImageReference::parse(text).repository == asked.repository).then_some(digest)
    })
}

fn troubled(
    name: &str,
    trouble: &Trouble,
    asked: &ImageReference,
    age: &str,
) -> (Item, Option<String>) {
    let advice = registry_trouble::advice(trouble).map(ToOwned::to_owned);
    match (registry_trouble::undetermined(name, trouble), trouble) {
        (Some(item), _) => (item, advice),
        (None, Trouble::NotTried { why }) => {
            (Item::pass(name, format!("runs {asked}{age}: {why}")), None)
        }
        (None, _) => (
            Item::warn(
                name,
                NOT_IN_REGISTRY,
                format!("{} knows no {asked}", asked.registry()),
            ),
            Some(format!(
                "correct the tag of {name} in .env, and apply it with `docker compose up -d`"
            )),
        ),
    }
}

#[cfg(test)]
mod tests;
