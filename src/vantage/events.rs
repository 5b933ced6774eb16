//! What `listen` says while it listens, for a person or line by line for a program.

use std::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
};

use jiff::Timestamp;
use serde::Serialize;

/// Something that happened while listening.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Listening begins.
    Begun {
        /// The one-time token.
        token: String,
        /// When listening ends at the latest.
        until: Timestamp,
    },
    /// A port is being listened on.
    Listening {
        /// The port.
        port: u16,
        /// The addresses that it is bound to.
        addresses: Vec<IpAddr>,
    },
    /// A port is held by somebody else, and left alone.
    Held {
        /// The port.
        port: u16,
        /// Who holds it.
        by: Vec<String>,
    },
    /// Somebody came.
    Visit(Visit),
    /// Nothing more is shown, only counted.
    TooMany {
        /// How many were shown.
        shown: usize,
    },
    /// Listening is over.
    Ended {
        /// Why.
        reason: Ending,
        /// How many came.
        visits: usize,
        /// The ports to which a probe came that knows the token.
        probed: Vec<u16>,
        /// The ports to which none came, though they were listened on.
        not_probed: Vec<u16>,
        /// The process's exit code.
        exit_code: u8,
    },
}

/// Why listening ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// A probe that knows the token came to every port.
    Probed,
    /// The time was over.
    TimeOver,
    /// Every port is held by somebody else.
    NothingFree,
}

/// Somebody who came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Visit {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub from: SocketAddr,
    /// To which address of this machine, and port.
    pub to: SocketAddr,
    /// Whether TLS was spoken.
    pub tls: bool,
    /// The name that was asked for by TLS or `Host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_for: Option<String>,
    /// What they did.
    #[serde(flatten)]
    pub deed: Deed,
}

/// What a visitor did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "did", content = "how", rename_all = "kebab-case")]
pub enum Deed {
    /// A doctor's probe that knows the token.
    Probed,
    /// A doctor's probe without the token, or with another one.
    ProbedWithoutToken,
    /// Another request: its first line.
    Requested(String),
    /// Something that is no request.
    Babbled(String),
    /// Connected and said nothing.
    SaidNothing,
}

/// How events are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Sentences.
    Words,
    /// One JSON object a line.
    JsonLines,
}

impl Event {
    /// The event as text, with a final newline.
    ///
    /// # Errors
    /// None that an event can cause; the serializer's own are passed on.
    pub fn put(&self, form: Form) -> serde_json::Result<String> {
        match form {
            Form::JsonLines => serde_json::to_string(self).map(|text| text + "\n"),
            Form::Words => Ok(self.words()),
        }
    }

    fn words(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = match self {
            Self::Begun { token, until } => writeln!(
                text,
                "one-time token: {token}\n\
                 On another machine, best one outside of the customer's network, put the token into a file and run\n\
                 \n    sesam-doctor probe NAME-OF-THIS-MACHINE --token-file FILE\n\n\
                 Listening until {}; Ctrl-C ends it.",
                until.strftime("%Y-%m-%d %H:%M:%S UTC")
            ),
            Self::Listening { port, addresses } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                writeln!(
                    text,
                    "port {port}: listening on {}",
                    addresses.join(" and ")
                )
            }
            Self::Held { port, by } => writeln!(
                text,
                "port {port}: left alone, since it is held by {}",
                by.join(", ")
            ),
            Self::Visit(visit) => writeln!(
                text,
                "{}  {} came to {}{}: {}",
                visit.at.strftime("%H:%M:%S"),
                visit.from.ip(),
                visit.to,
                visit
                    .asked_for
                    .as_ref()
                    .map_or_else(String::new, |name| format!(" asking for “{name}”")),
                visit.words()
            ),
            Self::TooMany { shown } => {
                writeln!(text, "{shown} came; from now on they are only counted")
            }
            Self::Ended {
                reason,
                visits,
                probed: _,
                not_probed,
                exit_code: _,
            } => {
                let ports: Vec<String> = not_probed.iter().map(ToString::to_string).collect();
                match reason {
                    Ending::Probed => writeln!(text, "the probe came to every port; that is all"),
                    Ending::NothingFree => {
                        writeln!(text, "no port is free, so there is nothing to listen on")
                    }
                    Ending::TimeOver => writeln!(
                        text,
                        "the time is over; {visits} came, and no probe that knows the token came to port {}",
                        ports.join(" and ")
                    ),
                }
            }
        };
        text
    }
}

impl Visit {
    fn words(&self) -> String {
        let over = if self.tls {
            "over TLS"
        } else {
            "in plain text"
        };
        match &self.deed {
            Deed::Probed => format!("the probe, {over}, and its token fits"),
            Deed::ProbedWithoutToken => {
                format!("a doctor's probe, {over}, without this token")
            }
            Deed::Requested(line) => format!("“{line}”, {over}"),
            Deed::Babbled(how) => format!("nothing that is HTTP, {over}: {how}"),
            Deed::SaidNothing => "connected and said nothing".into(),
        }
    }
}
