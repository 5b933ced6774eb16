//! One observation of a machine: every source that is asked for, all at once, each under its deadline.

use std::{
    collections::BTreeSet,
    future::Future,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{sync::oneshot, time::timeout};

use super::{
    Facts, Observed, Root, Source, accounts, certificates, certificates::StackWord, clock,
    compose_programs, docker, endpoint, firewall, host, layout, license, limits, listeners, memory,
    node, node::NodeWhereabouts, node_names, outbound, ownership, plugins, probe_report,
    processors, proxies, registry, registry::StackImage, resolvers, stack, stack::Whereabouts,
    storage_latency, volumes,
};
use crate::{defects::Waiting, profile::Profile, redact::Redactor, settings::Settings};

/// What a source may take beyond the deadline of its probes, to notice and to say what happened.
const GRACE: Duration = Duration::from_millis(300);

/// The machine under observation, and how it may be looked at.
#[derive(Clone, Debug)]
pub struct Site {
    /// What is taken for `/`.
    pub root: Root,
    /// What the product requires; it says where to look.
    pub profile: Arc<Profile>,
    /// The site's own choices.
    pub settings: Arc<Settings>,
    /// The limit for any one probe.
    pub deadline: Duration,
    /// Whether no network connection may be made.
    pub offline: bool,
    /// Told every secret that is met while observing.
    pub redactor: Redactor,
}

/// What observers and the progress line hear of an observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A source is being asked.
    Started(Source),
    /// A source has answered, or will not.
    Finished {
        /// Which one.
        source: Source,
        /// How long it took.
        took: Duration,
        /// The reason, where it could not be observed.
        gap: Option<String>,
    },
}

/// Observes the `wanted` sources of a site, and says on the way what is happening.
pub async fn observe(
    site: &Site,
    wanted: &BTreeSet<Source>,
    at: Timestamp,
    notify: &(dyn Fn(Event) + Send + Sync),
) -> Facts {
    let mut facts = Facts::unobserved(
        site.profile.as_ref().clone(),
        site.settings.as_ref().clone(),
        at,
    );
    facts.offline = site.offline;
    let asking = Asking {
        site,
        wanted,
        notify,
    };
    let (
        host,
        processors,
        memory,
        clock,
        limits,
        accounts,
        volumes,
        storage_latency,
        layout,
        ownership,
        license,
        StackAnswers {
            docker,
            stack,
            outbound,
            node_names,
            registry_login,
            certificates,
            endpoint,
            node,
        },
        resolvers,
        proxies,
        listeners,
        firewall,
        probe_report,
        compose_programs,
        plugins,
    ) = tokio::join!(
        asking.ask(Source::Host, host::observe),
        asking.ask(Source::Processors, processors::observe),
        asking.ask(Source::Memory, memory::observe),
        asking.ask(Source::Clock, clock::observe),
        asking.ask(Source::Limits, limits::observe),
        asking.ask(Source::Accounts, accounts::observe),
        asking.ask(Source::Volumes, volumes::observe),
        asking.ask(Source::StorageLatency, storage_latency::observe),
        asking.ask(Source::Layout, layout::observe),
        asking.ask(Source::Ownership, ownership::observe),
        asking.ask(Source::License, license::observe),
        asking.stack_and_what_it_names(),
        asking.ask(Source::Resolvers, resolvers::observe),
        asking.ask(Source::Proxies, proxies::observe),
        asking.ask(Source::Listeners, listeners::observe),
        asking.ask(Source::Firewall, firewall::observe),
        asking.ask(Source::ProbeReport, probe_report::observe),
        asking.ask(Source::ComposePrograms, compose_programs::observe),
        asking.ask(Source::Plugins, plugins::observe),
    );
    facts.host = host.keep(&mut facts);
    facts.processors = processors.keep(&mut facts);
    facts.memory = memory.keep(&mut facts);
    facts.clock = clock.keep(&mut facts);
    facts.limits = limits.keep(&mut facts);
    facts.accounts = accounts.keep(&mut facts);
    facts.volumes = volumes.keep(&mut facts);
    facts.storage_latency = storage_latency.keep(&mut facts);
    facts.layout = layout.keep(&mut facts);
    facts.ownership = ownership.keep(&mut facts);
    facts.license = license.keep(&mut facts);
    facts.stack = stack.keep(&mut facts);
    facts.resolvers = resolvers.keep(&mut facts);
    facts.proxies = proxies.keep(&mut facts);
    facts.outbound = outbound.keep(&mut facts);
    facts.node_names = node_names.keep(&mut facts);
    facts.listeners = listeners.keep(&mut facts);
    facts.firewall = firewall.keep(&mut facts);
    facts.probe_report = probe_report.keep(&mut facts);
    facts.docker = docker.keep(&mut facts);
    facts.compose_programs = compose_programs.keep(&mut facts);
    facts.registry_login = registry_login.keep(&mut facts);
    facts.plugins = plugins.keep(&mut facts);
    facts.certificates = certificates.keep(&mut facts);
    facts.endpoint = endpoint.keep(&mut facts);
    facts.node = node.keep(&mut facts);
    facts
}

/// What the running stack and its files tell, and what is asked of those that they name.
struct StackAnswers {
    docker: Answer<docker::Docker>,
    stack: Answer<stack::Stack>,
    outbound: Answer<outbound::Outbound>,
    node_names: Answer<node_names::NodeNames>,
    registry_login: Answer<registry::RegistryLogins>,
    certificates: Answer<certificates::Certificates>,
    endpoint: Answer<endpoint::Endpoint>,
    node: Answer<node::Node>,
}

/// The address of the node's container: the one of the service whose port must stay private.
fn node_address(profile: &Profile, docker: Option<&docker::Docker>) -> Option<IpAddr> {
    let node = profile
        .stack
        .services
        .iter()
        .find(|service| !service.private_ports.is_empty())?;
    let engine = docker?.engine().ok()?;
    let containers = engine.containers.seen().ok()?;
    let container = containers
        .iter()
        .find(|container| container.is_of_service(&node.name) && container.state.is_alive())?;
    let details = container.details.seen().ok()?;
    details.networks.values().copied().flatten().next()
}

struct Asking<'a> {
    site: &'a Site,
    wanted: &'a BTreeSet<Source>,
    notify: &'a (dyn Fn(Event) + Send + Sync),
}

/// A source's answer and what it took to get it.
struct Answer<T> {
    source: Source,
    observed: Observed<T>,
    took: Option<Duration>,
}

impl<T> Answer<T> {
    fn keep(self, facts: &mut Facts) -> Observed<T> {
        if let Some(took) = self.took {
            let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            facts.durations_ms.insert(self.source, milliseconds);
        }
        self.observed
    }
}

/// Hosts that only the stack's own files name.
#[derive(Clone, Debug, Default)]
struct NamedByStack {
    /// `NODE_DOMAIN`.
    node_domain: Option<String>,
    /// `FLUENTBIT_HOST`.
    log_host: Option<String>,
}

impl NamedByStack {
    /// What the stack's `.env` says.
    fn of(stack: &Observed<stack::Stack>) -> Self {
        let Some(variables) = stack
            .seen()
            .ok()
            .and_then(|stack| stack.environment.seen().ok())
            .and_then(stack::Content::file)
            .map(|file| &file.variables)
        else {
            return Self::default();
        };
        let value = |name: &str| {
            let variable = variables.iter().find(|variable| variable.name == name)?;
            match &variable.value {
                stack::VariableValue::Plain(text) if !text.trim().is_empty() => {
                    Some(text.trim().to_owned())
                }
                _ => None,
            }
        };
        Self {
            node_domain: value("NODE_DOMAIN"),
            log_host: value("FLUENTBIT_HOST"),
        }
    }
}

impl Asking<'_> {
    /// The second wave: what is asked of those that the running stack and its files name begins as soon as these are known,
    /// and nothing else waits for them.
    async fn stack_and_what_it_names(&self) -> StackAnswers {
        let (tell_whereabouts, whereabouts) = oneshot::channel();
        let (tell_container, container) = oneshot::channel();
        let (tell_log_host, log_host) = oneshot::channel();
        let (tell_domain, node_domain) = oneshot::channel();
        let (tell_word, word) = oneshot::channel();
        let (tell_images, images) = oneshot::channel();
        let profile = &self.site.profile;
        // Where nobody listens any more, nobody asked for it.
        let ((docker, stack), outbound, node_names, registry_login, served) = tokio::join!(
            async {
                let (docker, stack) = tokio::join!(
                    async {
                        let docker = self.ask(Source::Docker, docker::observe).await;
                        let seen = docker.observed.seen().ok();
                        let _ = tell_whereabouts.send(Whereabouts::of(profile, seen));
                        let _ = tell_container.send(node_address(profile, seen));
                        docker
                    },
                    async {
                        let stack = self
                            .ask(Source::Stack, |site| stack::observe(site, whereabouts))
                            .await;
                        let named = NamedByStack::of(&stack.observed);
                        let _ = tell_log_host.send(named.log_host);
                        let _ = tell_domain.send(named.node_domain);
                        let _ = tell_word.send(StackWord::of(stack.observed.seen().ok(), profile));
                        stack
                    },
                );
                let _ = tell_images.send(StackImage::of(
                    profile,
                    docker.observed.seen().ok(),
                    stack.observed.seen().ok(),
                ));
                (docker, stack)
            },
            self.ask(Source::Outbound, |site| outbound::observe(site, log_host)),
            self.ask(Source::NodeNames, |site| {
                node_names::observe(site, node_domain)
            }),
            self.ask(Source::RegistryLogin, |site| registry::observe(
                site, images
            )),
            async {
                let word = word.await.unwrap_or_default();
                self.what_is_served(word, container).await
            },
        );
        let (certificates, endpoint, node) = served;
        StackAnswers {
            docker,
            stack,
            outbound,
            node_names,
            registry_login,
            certificates,
            endpoint,
            node,
        }
    }

    async fn what_is_served(
        &self,
        word: StackWord,
        container: oneshot::Receiver<Option<IpAddr>>,
    ) -> (
        Answer<certificates::Certificates>,
        Answer<endpoint::Endpoint>,
        Answer<node::Node>,
    ) {
        let node_domain = word.node_domain.clone();
        tokio::join!(
            self.ask(Source::Certificates, |site| {
                certificates::observe(site, word.clone())
            }),
            self.ask(Source::Endpoint, |site| {
                endpoint::observe(site, word.clone())
            }),
            self.ask(Source::Node, |site| async move {
                // Where the engine does not tell in time, the other ways are tried all the same.
                let container = timeout(site.deadline / 4, container).await;
                let whereabouts = NodeWhereabouts {
                    node_domain,
                    container: container.ok().and_then(Result::ok).flatten(),
                };
                node::observe(site, whereabouts).await
            }),
        )
    }

    /// Asks one source on a task of its own, so that neither its panic nor its silence reaches the others.
    async fn ask<T, Look, Looking>(&self, source: Source, look: Look) -> Answer<T>
    where
        T: Send + 'static,
        Look: FnOnce(Site) -> Looking,
        Looking: Future<Output = Observed<T>> + Send + 'static,
    {
        if !self.wanted.contains(&source) {
            return Answer {
                source,
                observed: Observed::NotAsked,
                took: None,
            };
        }
        (self.notify)(Event::Started(source));
        let begun = Instant::now();
        let waiting = Waiting::default();
        let task = tokio::spawn(waiting.watch().over_task(look(self.site.clone())));
        let stop = task.abort_handle();
        let limit = self.site.deadline + GRACE;
        let observed = match timeout(limit, waiting.unless_told(task)).await {
            Ok(Some(Ok(observed))) => observed,
            Ok(_panicked) => Observed::Failed(format!(
                "observing {} failed inside the doctor; please report this",
                source.name()
            )),
            Err(_elapsed) => {
                stop.abort();
                Observed::TimedOut(format!(
                    "observing {} took longer than {} s",
                    source.name(),
                    self.site.deadline.as_secs_f64()
                ))
            }
        };
        let took = begun.elapsed();
        (self.notify)(Event::Finished {
            source,
            took,
            gap: observed.seen().err().map(|gap| gap.to_string()),
        });
        Answer {
            source,
            observed,
            took: Some(took),
        }
    }
}
