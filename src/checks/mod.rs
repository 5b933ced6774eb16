//! JUDGE: one declaration per check, one file or folder per category.
//!
//! A check is a pure function of the profile, the facts and the time: it reads no file, no clock and no environment.

mod command_line;
mod config;
mod container;
mod dns;
mod hardware;
pub mod inbound;
mod install;
mod layout;
mod license;
mod node;
mod outbound;
mod plugins;
mod software;
mod storage;
mod system;
mod tls;
mod waivers;

mod cause;
mod certificate_mode;
mod connection;
mod measurement;
mod page_text;
mod registry;
mod registry_trouble;
mod remedy;
mod verdict;

use jiff::{SignedDuration, Timestamp};

pub use cause::{Cause, GAP_CAUSES, gap_cause};
pub use config::{beyond_the_edition, name_in, value_fault};
pub use connection::{Connection, Direction};
pub use container::{KEPT_SUFFIX, Stale, foreign_containers, to_make_anew};
pub use license::license_fault;
pub use measurement::{Limit, Measurement};
pub use registry::{REGISTRY, Selection, UnknownWord, find};
pub use remedy::{Directory, Mend, Port, Remedy, Restricted, Safety};
pub use verdict::{Evidence, Item, Judgement, Status, Verdict};

use crate::{
    facts::{Facts, Source, View, outbound::Outbound},
    profile::Profile,
    settings::Settings,
};

/// How much a requirement matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Unmet, it is a failure.
    Required,
    /// Unmet, it is a warning; a failure with `--strict`.
    Recommended,
    /// Unmet, it is worth knowing.
    Information,
}

impl Level {
    /// The word for it in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
            Self::Information => "information",
        }
    }
}

/// The part of the machine or product that a check is about; the first half of its id.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// CPUs, memory, disks.
    Hardware,
    /// Operating system, clock, limits.
    System,
    /// Mounts and free space.
    Storage,
    /// Docker, compose, and the login for the registry.
    Software,
    /// Directories and links.
    Layout,
    /// The license key.
    License,
    /// Compose file, `.env`, and the doctor's own waivers.
    Config,
    /// Name servers, and this machine's own name.
    Dns,
    /// Hosts that the product talks to.
    Outbound,
    /// Ports that others come to.
    Inbound,
    /// Certificates, on disk and as served.
    Tls,
    /// The stack's containers.
    Container,
    /// The node's API.
    Node,
    /// Steps of the installation that a person takes.
    Install,
    /// The site's own checks.
    Plugin,
}

impl Category {
    /// Every category, in the order of reports.
    pub const ALL: [Self; 15] = [
        Self::Hardware,
        Self::System,
        Self::Storage,
        Self::Software,
        Self::Layout,
        Self::License,
        Self::Config,
        Self::Dns,
        Self::Outbound,
        Self::Inbound,
        Self::Tls,
        Self::Container,
        Self::Node,
        Self::Install,
        Self::Plugin,
    ];

    /// The word for it: in ids, on the command line, in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::System => "system",
            Self::Storage => "storage",
            Self::Software => "software",
            Self::Layout => "layout",
            Self::License => "license",
            Self::Config => "config",
            Self::Dns => "dns",
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
            Self::Tls => "tls",
            Self::Container => "container",
            Self::Node => "node",
            Self::Install => "install",
            Self::Plugin => "plugin",
        }
    }
}

/// One check, declared in one place.
#[derive(Debug)]
pub struct Check {
    /// Its stable name, `category.what`; a family's ends in `.*`.
    pub id: &'static str,
    /// The requirement in words, as it reads when met.
    pub title: &'static str,
    /// What it is about.
    pub category: Category,
    /// How much it matters.
    pub level: Level,
    /// Checks whose failure makes this one impossible to judge.
    pub needs: &'static [&'static Check],
    /// The sources it reads.
    pub reads: &'static [Source],
    /// Where in the manual or in a standard the requirement comes from.
    pub reference: &'static str,
    /// Everything it tells apart.
    pub causes: &'static [Cause],
    /// What `explain` and the check reference say.
    pub prose: Prose,
    /// What `--fix` does about its causes.
    pub mends: &'static [Mend],
    /// How it judges.
    pub judge: Judge,
}

/// The prose of a check: whole sentences, in Markdown, for operators.
#[derive(Debug)]
pub struct Prose {
    /// What is looked at, and what makes it pass, warn or fail.
    pub checks: &'static str,
    /// What goes wrong on a machine that does not meet it.
    pub why: &'static str,
    /// What a person does about it.
    pub remedy: &'static str,
}

/// How a check comes to its verdicts.
#[derive(Clone, Copy)]
pub enum Judge {
    /// One verdict.
    One(fn(&Context) -> Judgement),
    /// A verdict for each member, which the facts name; the finding's id ends in the member's name.
    Family {
        /// The members' names.
        members: fn(&Context) -> Vec<String>,
        /// The verdict on one.
        judge: fn(&Context, &str) -> Judgement,
    },
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::One(_) => "One",
            Self::Family { .. } => "Family",
        })
    }
}

/// Why nothing is judged that only the network tells, where the run was to make no connection.
const OFFLINE: &str = "the run makes no network connection (--offline)";

/// All that a check may know.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What the product requires.
    pub profile: &'a Profile,
    /// The site's own choices.
    pub settings: &'a Settings,
    /// What was observed, narrowed to what the check declared to read.
    pub facts: View<'a>,
    /// The time to judge by.
    pub now: Timestamp,
    /// How far the machine's clock is ahead of the outbound hosts' own, where they were asked.
    pub clock_ahead: Option<SignedDuration>,
}

impl<'a> Context<'a> {
    /// What a check that reads `sources` may know of `facts`, judged by the time `now`.
    #[must_use]
    pub fn new(facts: &'a Facts, sources: &'static [Source], now: Timestamp) -> Self {
        Self {
            profile: &facts.profile,
            settings: &facts.settings,
            facts: View::new(facts, sources),
            now,
            clock_ahead: facts.outbound.seen().ok().and_then(Outbound::clock_ahead),
        }
    }
}

#[cfg(test)]
pub(crate) mod cases;
