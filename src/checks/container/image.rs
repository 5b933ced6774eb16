//! `container.image`

use super::{FOREIGN, find};
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Verdict, image_reference::ImageReference, software,
    },
    facts::{
        Source,
        docker::{Container, Details, Image},
    },
    profile,
    units::counted,
};

const OUTDATED: Cause = Cause::new(
    "outdated",
    "a newer image is on the machine, and the container still runs the old one",
);
const UNKNOWN_CHANNEL: Cause = Cause::new("unknown-channel", "the tag is no software channel");

/// See [`Prose::checks`] in the declaration.
pub static IMAGE: Check = Check {
    id: "container.image",
    title: "Containers run the newest image of their tag",
    category: Category::Container,
    level: Level::Required,
    needs: &[&software::DOCKER],
    reads: &[Source::Docker],
    reference: "Operator's manual, software channels: self-hosted customers run the newest image of their channel",
    causes: &[OUTDATED, UNKNOWN_CHANNEL],
    prose: Prose {
        checks: "For each container of the stack: the image it was made of is the one that its tag names on this machine now; an image that was pulled since and not put to use fails for the node and warns for the others. The node's tag is one of the profile's `stack.channels`; another warns. Whether the registry has a still newer image is not asked.",
        why: "Self-hosted customers have to run the newest image of their channel; an old node meets a portal that no longer knows it. A tag that is no channel is never updated.",
        remedy: "Make the containers anew from the images that are there: `docker compose up -d` in the stack's directory. Set SESAM_NODE_IMAGE_TAG in `.env` to a channel: weekly-prod for production.",
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
    let services = &context.profile.stack.services;
    let mut items = Vec::new();
    let mut advice = Vec::new();
    for service in services {
        let Some(container) = find(containers, service, None) else {
            // That it is missing is said by its own check.
            continue;
        };
        let details = match container.details.seen() {
            Ok(details) => details,
            Err(gap) => {
                items.push(Item::unknown(&service.name, &gap));
                continue;
            }
        };
        let (item, step) = one(context, service, container, details, images);
        items.push(item);
        advice.extend(step);
    }
    if items.is_empty() {
        return Ok(Verdict::skip("none of the stack's containers exists"));
    }
    Ok(Verdict::worst_of(
        items,
        "every container runs the image that its tag names here",
    )
    .expected("the newest image of a software channel")
    .advice_all(advice)
    // What stands in a container's place has another image.
    .follows(&FOREIGN)
    .remark("whether the registry has newer images was not asked"))
}

fn one(
    context: &Context,
    service: &profile::Service,
    container: &Container,
    details: &Details,
    images: &[Image],
) -> (Item, Option<String>) {
    let name = &service.name;
    let asked = ImageReference::parse(if details.image.is_empty() {
        &container.image
    } else {
        &details.image
    });
    let current = images.iter().find(|image| {
        image
            .tags
            .iter()
            .any(|tag| ImageReference::parse(tag) == asked)
    });
    let running = images.iter().find(|image| image.id == details.image_id);
    let age = running
        .and_then(|image| image.created)
        .map(|created| context.now.duration_since(created).as_hours() / 24)
        .and_then(|days| u64::try_from(days).ok())
        .map_or_else(String::new, |days| {
            format!(", built {} ago", counted(days, "day"))
        });
    let is_node = !service.private_ports.is_empty();
    if let Some(current) = current
        && current.id != details.image_id
        && !details.image_id.is_empty()
    {
        let summary = format!(
            "runs an image{age} that {asked} named once; a newer one has been pulled and is not used"
        );
        let item = if is_node {
            Item::fail(name, OUTDATED, summary)
        } else {
            Item::warn(name, OUTDATED, summary)
        };
        return (
            item.observed(details.image_id.as_str()),
            Some(format!(
                "make {name} anew, in the stack's directory: docker compose up -d {name}"
            )),
        );
    }
    let channels = &context.profile.stack.channels;
    let is_channel = asked.tag.as_ref().is_some_and(|tag| channels.contains(tag));
    if is_node && !is_channel {
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
    (Item::pass(name, format!("runs {asked}{age}")), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases},
        },
        facts::{Facts, Observed},
    };

    fn node(
        tag: &'static str,
        name: &'static str,
        images: &'static [(&'static str, &'static str)],
    ) -> impl Fn(&mut Facts) {
        engine(move |engine| {
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
        })
    }

    #[test]
    fn cases() {
        const NODE: &str = "sesam/sesam-node:weekly-prod";
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
}
