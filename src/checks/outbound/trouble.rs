//! What is wrong on the way to a host, and what to do about it.

use crate::{
    checks::{Cause, Item, Status},
    facts::outbound::HostProbe,
};

/// What stands for the hosts in a step that may be about several of them.
pub const HOSTS: &str = "{hosts}";

/// Steps of several hosts: those that say the same are said once, for all their hosts.
#[derive(Default)]
pub struct Steps {
    steps: Vec<(String, Vec<String>)>,
}

impl Steps {
    /// Adds a step that is about this host.
    pub fn add(&mut self, step: &str, probe: &HostProbe) {
        let place = format!("{} port {}/tcp", probe.host.host, probe.host.port);
        match self.steps.iter_mut().find(|(known, _)| known == step) {
            None => self.steps.push((step.to_owned(), vec![place])),
            Some((_, places)) if places.contains(&place) => {}
            Some((_, places)) => places.push(place),
        }
    }

    /// The steps in words.
    pub fn in_words(self) -> Vec<String> {
        self.steps
            .into_iter()
            .map(|(step, places)| step.replace(HOSTS, &places.join(", ")))
            .collect()
    }
}

/// Something on the way that is not as it should be.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Warn, fail or unknown.
    pub status: Status,
    /// What it is.
    pub cause: Cause,
    /// What was seen, in one sentence without the host's name.
    pub summary: String,
    /// What to do about it; [`HOSTS`] stands for the host, so that one step can be about several.
    pub advice: String,
    /// Whether it is this machine's clock that makes it look like this.
    pub is_the_clock: bool,
}

impl Trouble {
    /// A trouble that keeps the host from being used.
    pub fn fail(cause: Cause, summary: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(Status::Fail, cause, summary, advice)
    }

    /// A trouble with which the host can be used.
    pub fn warn(cause: Cause, summary: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(Status::Warn, cause, summary, advice)
    }

    /// A trouble that forbids a verdict.
    pub fn unknown(cause: Cause, summary: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(Status::Unknown, cause, summary, advice)
    }

    /// The trouble as what a finding lists.
    pub fn item(&self, name: impl Into<String>) -> Item {
        let summary = self.summary.clone();
        match self.status {
            Status::Warn => Item::warn(name, self.cause, summary),
            Status::Unknown => Item::undetermined(name, self.cause, summary),
            _ => Item::fail(name, self.cause, summary),
        }
    }

    fn new(
        status: Status,
        cause: Cause,
        summary: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            status,
            cause,
            summary: summary.into(),
            advice: advice.into(),
            is_the_clock: false,
        }
    }
}
