//! `config.node-port`

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Verdict,
    },
    facts::{
        Source,
        stack::{compose_file::Service, ports::PortMapping},
    },
};

use super::{COMPOSE, expected::find};

const PUBLISHED_EVERYWHERE: Cause = Cause::new(
    "published-everywhere",
    "a port that is not for the network is published on every address",
);

/// A known fault of the 2023 edition's stack.
pub static NODE_PORT: Check = Check {
    id: "config.node-port",
    title: "The node's own port is not open to the network",
    category: Category::Config,
    level: Level::Required,
    needs: &[&COMPOSE],
    reads: &[Source::Stack],
    reference: "Known fault of the published stack (2023): 9042 is published on every address",
    causes: &[PUBLISHED_EVERYWHERE],
    prose: Prose {
        checks: "The profile's `private_ports` of each service (the node's 9042) are not published by the compose file, or on a loopback address only. Anything else fails.",
        why: "The node's API is then reachable in plain HTTP, around Traefik and its certificate. A port that Docker publishes passes by ufw, so a firewall on this machine does not help.",
        remedy: "Remove the port from the compose file, since Traefik reaches the node without it; where programs on this machine use it, publish it as \"127.0.0.1:9042:9042\". Apply it with `docker compose up -d`.",
    },
    mends: &[Mend::new(Remedy::WriteComposeFile, &[PUBLISHED_EVERYWHERE])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let stack = context.facts.stack().seen()?;
    let Some(file) = stack.compose_file() else {
        return Ok(Verdict::skip("there is no compose file to judge"));
    };
    let mut items = Vec::new();
    let mut advice = Vec::new();
    for expected in &context.profile.stack.services {
        let Some((name, service)) = find(file, expected) else {
            continue;
        };
        for port in &expected.private_ports {
            let open: Vec<&PortMapping> = leading_to(service, *port)
                .filter(|mapping| !is_loopback(mapping))
                .collect();
            match open.first() {
                None => items.push(Item::pass(
                    format!("{name} {port}"),
                    "is not published to the network",
                )),
                Some(mapping) => {
                    let published = mapping.published.as_deref().unwrap_or("a free port");
                    let address = mapping.host_ip.as_deref().unwrap_or("every address");
                    items.push(
                        Item::fail(
                            format!("{name} {port}"),
                            PUBLISHED_EVERYWHERE,
                            format!("{published} is published on {address}, in plain HTTP around Traefik and past ufw"),
                        )
                        .observed(format!("{address}:{published}")),
                    );
                    advice.push(format!(
                        "in {}: remove \"{published}:{port}\" from the ports of {name}, or write \"127.0.0.1:{published}:{port}\", and apply it with `docker compose up -d`",
                        file.path.display()
                    ));
                }
            }
        }
    }
    Ok(
        Verdict::worst_of(items, "Traefik is the only way to the node's API")
            .expected("not published, or on 127.0.0.1 only")
            .advice_all(advice),
    )
}

fn leading_to(service: &Service, target: u16) -> impl Iterator<Item = &PortMapping> {
    service
        .ports
        .iter()
        .filter(move |mapping| mapping.target == target)
}

fn is_loopback(mapping: &PortMapping) -> bool {
    mapping
        .host_ip
        .as_deref()
        .and_then(|address| {
            address
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .ok()
        })
        .is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, stack_file},
        },
        facts::{
            Facts,
            stack::{compose_file::ComposeFile, ports::Protocol},
        },
    };

    fn published(address: Option<&'static str>) -> impl Fn(&mut Facts) {
        stack_file(move |file: &mut ComposeFile| {
            let node = file.services.get_mut("sesam-node").unwrap();
            node.ports = vec![PortMapping {
                host_ip: address.map(ToOwned::to_owned),
                published: Some("9042".into()),
                target: 9042,
                protocol: Protocol::Tcp,
            }];
        })
    }

    #[test]
    fn cases() {
        let everywhere = Some("published-everywhere");
        judge_cases(
            &NODE_PORT,
            &[
                Case::new("not published", Status::Pass, None, stack_file(|_| {})),
                Case::new(
                    "on loopback",
                    Status::Pass,
                    None,
                    published(Some("127.0.0.1")),
                ),
                Case::new(
                    "on loopback, IPv6",
                    Status::Pass,
                    None,
                    published(Some("[::1]")),
                ),
                Case::new("as published", Status::Fail, everywhere, published(None)),
                Case::new(
                    "in words",
                    Status::Fail,
                    everywhere,
                    published(Some("0.0.0.0")),
                ),
                Case::new(
                    "on one address",
                    Status::Fail,
                    everywhere,
                    published(Some("192.0.2.1")),
                ),
                Case::new(
                    "nonsense",
                    Status::Fail,
                    everywhere,
                    published(Some("nonsense")),
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
