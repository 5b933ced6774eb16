//! What a verdict proposes to do about itself: pure data, which `remediate` knows how to show, do, verify and undo.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Cause, Check, Verdict};
use crate::profile::Profile;

/// One thing that `--fix` can do. It carries no values: those come from the profile, the facts and the answers when
/// the plan is made, so that a check declares the very remedies that its verdicts propose.
///
/// The order of the declarations is the order in which a plan does them where nothing else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Let a time service keep the clock.
    SynchroniseClock,
    /// Make the account that the product's files belong to, where the edition names one.
    CreateAccount,
    /// Write `daemon.json`: limits for logs, merged into what is there.
    WriteDaemonConfig,
    /// Give the Docker daemon the machine's proxy, as a systemd drop-in.
    WriteDaemonProxy,
    /// Install the Docker engine from the distribution's packages.
    InstallDocker,
    /// Install Compose.
    InstallCompose,
    /// Have Docker start with the machine.
    EnableDocker,
    /// Start Docker.
    StartDocker,
    /// Restart Docker so that it takes its settings; every container is restarted with it.
    RestartDocker,
    /// Make a directory of the manual.
    CreateDirectory(Directory),
    /// Make the link from the node's base to its data.
    LinkData,
    /// Put the license in its place.
    PlaceLicense,
    /// Write `.env`, keeping what is there and well-formed.
    WriteEnvironment,
    /// Write the compose file of the edition, with the published faults corrected.
    WriteComposeFile,
    /// Hand data and logs to the node's user.
    SetOwnership,
    /// Take away permissions that somebody must not have.
    RestrictMode(Restricted),
    /// Make the networks that have to exist before the stack.
    CreateNetworks,
    /// Log in to the registry, and keep the login as Docker keeps it.
    RegistryLogin,
    /// Pull the stack's images.
    PullImages,
    /// Stop an old installation, and bring its data, license and login to their new places.
    Migrate,
    /// Bring the stack up.
    ComposeUp,
    /// Make those containers anew that compose takes for what the file says, and that are not.
    RecreateContainers,
    /// Wait until the node is well.
    AwaitHealth,
    /// Remove the containers of an old installation, once the new one is well.
    RemoveOldContainers,
    /// Let a port in through the machine's own firewall.
    OpenPort(Port),
}

/// A directory of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directory {
    /// The node's data.
    Data,
    /// The node's base.
    Node,
    /// The node's logs.
    Logs,
    /// The agent's configuration.
    Agent,
    /// Traefik's ACME store.
    LetsEncrypt,
    /// The customer's own certificate.
    Certificates,
}

/// A file that some must not be able to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restricted {
    /// The license.
    License,
    /// Traefik's ACME store.
    AcmeStore,
}

/// A port that others come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// Plain HTTP.
    Http,
    /// HTTPS.
    Https,
}

/// How much a person has to say to a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Safety {
    /// The yes to the plan suffices.
    Automatic,
    /// It can cut the service or the customer off, so it is marked, and asked about by itself on a terminal.
    AsksFirst,
}

/// A remedy, and the causes of a check that it is for.
#[derive(Clone, Copy, Debug)]
pub struct Mend {
    /// What is done.
    pub remedy: Remedy,
    /// The causes about which it is done.
    pub causes: &'static [Cause],
}

impl Mend {
    /// This remedy for these causes.
    #[must_use]
    pub const fn new(remedy: Remedy, causes: &'static [Cause]) -> Self {
        Self { remedy, causes }
    }
}

impl Check {
    /// Everything that `--fix` may do about it.
    pub fn remedies(&self) -> impl Iterator<Item = Remedy> + use<> {
        self.mends.iter().map(|mend| mend.remedy)
    }

    /// What `--fix` can do about one of its verdicts, which failed or warns: the remedies of its cause and of the
    /// causes of its items.
    #[must_use]
    pub fn remedies_for(&self, verdict: &Verdict) -> Vec<Remedy> {
        if verdict.by_hand {
            return Vec::new();
        }
        let is_seen = |cause: &Cause| {
            let of_items = verdict
                .items
                .iter()
                .filter_map(|item| item.cause.as_deref());
            of_items
                .chain(verdict.cause.as_deref())
                .any(|seen| seen == cause.code)
        };
        self.mends
            .iter()
            .filter(|mend| mend.causes.iter().any(is_seen))
            .map(|mend| mend.remedy)
            .collect()
    }
}

impl Directory {
    /// Its path in the profile; none where the edition has no such directory.
    #[must_use]
    pub fn path(self, profile: &Profile) -> Option<&Path> {
        let layout = &profile.layout;
        Some(match self {
            Self::Data => &layout.data_dir,
            Self::Node => &layout.node_dir,
            Self::Logs => &layout.logs_dir,
            Self::Agent => layout.agent_dir.as_deref()?,
            Self::LetsEncrypt => &layout.letsencrypt_dir,
            Self::Certificates => &layout.certificates_dir,
        })
    }
}

impl Port {
    /// What the profile and the checks call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Remedy {
    /// How much a person has to say to it.
    #[must_use]
    pub fn safety(self) -> Safety {
        match self {
            Self::RestartDocker
            | Self::Migrate
            | Self::RecreateContainers
            | Self::RemoveOldContainers
            | Self::OpenPort(_) => Safety::AsksFirst,
            _ => Safety::Automatic,
        }
    }

    /// What has to be done before it, where a plan does both.
    #[must_use]
    pub fn after(self) -> &'static [Self] {
        use Directory::{Agent, Certificates, Data, LetsEncrypt, Logs, Node};
        match self {
            // Packages start the engine: with its settings in place it needs no restart.
            Self::InstallDocker => &[Self::WriteDaemonConfig, Self::WriteDaemonProxy],
            Self::EnableDocker => &[Self::InstallDocker],
            Self::StartDocker => &[
                Self::InstallDocker,
                Self::WriteDaemonConfig,
                Self::WriteDaemonProxy,
            ],
            Self::RestartDocker => &[
                Self::StartDocker,
                Self::WriteDaemonConfig,
                Self::WriteDaemonProxy,
            ],
            Self::LinkData => &[Self::CreateDirectory(Data), Self::CreateDirectory(Node)],
            Self::PlaceLicense => &[Self::CreateAccount, Self::CreateDirectory(Data)],
            Self::WriteEnvironment => &[Self::CreateAccount, Self::PlaceLicense],
            Self::WriteComposeFile => &[Self::WriteEnvironment],
            Self::SetOwnership => &[
                Self::CreateAccount,
                Self::CreateDirectory(Data),
                Self::CreateDirectory(Logs),
                Self::PlaceLicense,
                Self::WriteEnvironment,
            ],
            Self::CreateNetworks | Self::RegistryLogin => &[Self::StartDocker, Self::RestartDocker],
            Self::Migrate => &[
                Self::StartDocker,
                Self::RestartDocker,
                Self::CreateDirectory(Data),
                // The service is down from here on, so what can be done before is.
                Self::CreateNetworks,
                Self::PullImages,
            ],
            Self::PullImages => &[
                Self::InstallCompose,
                Self::RegistryLogin,
                Self::RestartDocker,
                Self::WriteEnvironment,
                Self::WriteComposeFile,
            ],
            Self::ComposeUp => &[
                Self::InstallCompose,
                Self::StartDocker,
                Self::RestartDocker,
                Self::CreateDirectory(LetsEncrypt),
                Self::CreateDirectory(Certificates),
                Self::CreateDirectory(Agent),
                Self::LinkData,
                Self::SetOwnership,
                Self::CreateNetworks,
                Self::Migrate,
                Self::PullImages,
            ],
            Self::RecreateContainers => &[Self::RestartDocker, Self::ComposeUp],
            Self::AwaitHealth => &[Self::ComposeUp, Self::RecreateContainers],
            Self::RemoveOldContainers => &[Self::AwaitHealth],
            _ => &[],
        }
    }

    /// What it cannot do without where a plan wants both: where that is left to a person, so is this one.
    #[must_use]
    pub fn requires(self) -> &'static [Self] {
        match self {
            Self::EnableDocker
            | Self::StartDocker
            | Self::RestartDocker
            | Self::CreateNetworks
            | Self::RecreateContainers => &[Self::InstallDocker],
            Self::RegistryLogin => &[Self::CreateAccount],
            Self::PullImages => &[
                Self::InstallDocker,
                Self::WriteEnvironment,
                Self::WriteComposeFile,
                // Whose login it is that the images are pulled with.
                Self::CreateAccount,
            ],
            // What runs is not stopped for a stack that cannot be brought up.
            Self::Migrate => &[Self::InstallDocker, Self::InstallCompose, Self::PullImages],
            // Beside an old installation there are neither the names nor the ports for a new one.
            Self::ComposeUp => &[
                Self::InstallDocker,
                Self::InstallCompose,
                Self::PullImages,
                Self::Migrate,
            ],
            Self::AwaitHealth => &[Self::ComposeUp],
            Self::RemoveOldContainers => &[Self::AwaitHealth],
            _ => &[],
        }
    }

    /// What a plan that does this one does as well, before or after, so that it has its effect.
    #[must_use]
    pub fn brings(self) -> &'static [Self] {
        match self {
            Self::InstallDocker => &[Self::EnableDocker, Self::StartDocker],
            Self::WriteDaemonConfig | Self::WriteDaemonProxy => &[Self::RestartDocker],
            Self::WriteEnvironment => &[Self::SetOwnership, Self::ComposeUp],
            Self::WriteComposeFile => &[Self::ComposeUp],
            Self::RecreateContainers => &[Self::AwaitHealth],
            Self::Migrate => &[Self::ComposeUp, Self::RemoveOldContainers],
            Self::ComposeUp => &[Self::CreateNetworks, Self::PullImages, Self::AwaitHealth],
            _ => &[],
        }
    }

    /// Whether it changes files only, so that it can be done below a directory that stands for `/`.
    #[must_use]
    pub fn is_of_files(self) -> bool {
        matches!(
            self,
            Self::WriteDaemonConfig
                | Self::WriteDaemonProxy
                | Self::CreateDirectory(_)
                | Self::LinkData
                | Self::PlaceLicense
                | Self::WriteEnvironment
                | Self::WriteComposeFile
                | Self::SetOwnership
                | Self::RestrictMode(_)
        )
    }

    /// Whether it puts a file of the doctor's own in place of one that may be right, so that it is proposed about what was
    /// judged only, and not about what could not be.
    #[must_use]
    pub fn rewrites(self) -> bool {
        matches!(self, Self::WriteComposeFile | Self::RecreateContainers)
    }

    /// What it can cut off while it is done; nothing for most.
    #[must_use]
    pub fn cuts(self) -> Option<&'static str> {
        match self {
            Self::RestartDocker => Some("restarts every container on this machine"),
            Self::Migrate => Some("stops the service until the new stack is up"),
            Self::RecreateContainers => Some("restarts containers of the stack"),
            Self::RemoveOldContainers => Some("ends the way back to the old containers"),
            Self::OpenPort(_) => Some("changes who reaches this machine"),
            _ => None,
        }
    }

    /// What it would do, in one line; `on_root_disk` says that the node's data have no disk of their own.
    #[must_use]
    pub fn words(self, profile: &Profile, on_root_disk: bool) -> String {
        let layout = &profile.layout;
        let license_file = layout.license_file_on(on_root_disk);
        match self {
            Self::SynchroniseClock => "enable time synchronisation".into(),
            Self::CreateAccount => match &profile.system.account {
                Some(account) => format!("make the account {account}"),
                None => "make the account of the product".into(),
            },
            Self::InstallDocker => "install the Docker engine".into(),
            Self::InstallCompose => "install Docker Compose".into(),
            Self::WriteDaemonConfig => format!(
                "set limits for logs in {}, keeping what is there",
                profile.software.daemon_file.display()
            ),
            Self::WriteDaemonProxy => {
                "give the Docker daemon the machine's proxy, as a systemd drop-in".into()
            }
            Self::EnableDocker => "have Docker start with the machine".into(),
            Self::StartDocker => "start Docker".into(),
            Self::RestartDocker => "restart Docker so that it takes its settings".into(),
            Self::CreateDirectory(Directory::Data) if on_root_disk => {
                format!("make the directory {}", layout.data_link.display())
            }
            Self::CreateDirectory(directory) => match directory.path(profile) {
                Some(path) => format!("make the directory {}", path.display()),
                None => "make no directory: this edition has none".into(),
            },
            Self::LinkData => format!(
                "link {} to {}",
                layout.data_link.display(),
                layout.data_dir.display()
            ),
            Self::PlaceLicense => format!("put the license at {}", license_file.display()),
            Self::WriteEnvironment => format!("write {}", profile.stack.env_file),
            Self::WriteComposeFile => {
                format!("write the compose file of the {} edition", profile.edition)
            }
            Self::SetOwnership => "hand data and logs to the node's user".into(),
            Self::RestrictMode(Restricted::License) => format!(
                "let nobody but its owner and group read {}",
                license_file.display()
            ),
            Self::RestrictMode(Restricted::AcmeStore) => format!(
                "let nobody but its owner read {}",
                layout.letsencrypt_dir.join("acme.json").display()
            ),
            Self::CreateNetworks => {
                format!("make the networks {}", profile.stack.networks.join(" and "))
            }
            Self::RegistryLogin => "log in to the registry".into(),
            Self::Migrate => {
                "stop the old installation, and bring its data and license to their new places"
                    .into()
            }
            Self::PullImages => "pull the stack's images".into(),
            Self::ComposeUp => "bring the stack up".into(),
            Self::RecreateContainers => {
                "make those containers of the stack anew that are not what the file says".into()
            }
            Self::AwaitHealth => "wait until the node is well".into(),
            Self::RemoveOldContainers => {
                "remove the old containers, once the new stack is well".into()
            }
            Self::OpenPort(port) => {
                let number = profile
                    .inbound
                    .iter()
                    .find(|inbound| inbound.id == port.name())
                    .map(|inbound| inbound.port.to_string());
                format!(
                    "let port {} in through the firewall",
                    number.as_deref().unwrap_or(port.name())
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
