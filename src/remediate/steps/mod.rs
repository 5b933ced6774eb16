//! The steps, one file for each kind of remedy.

mod account;
mod clock;
mod compose;
mod containers_anew;
mod daemon_files;
mod directories;
mod docker_service;
mod firewall;
mod health;
mod images;
mod interrupted_packages;
mod license;
mod migration;
mod networks;
mod owner;
mod ownership;
mod packages;
mod registry_login;
mod restricted;
mod stack_files;
mod written_file;

use super::{
    answers::{Question, find},
    machine::Machine,
    step::{Situation, Step},
};
use crate::checks::{Directory, Remedy};

/// Why a remedy is left to a person here, in words.
pub(super) struct ByHand(pub(super) String);

/// What making steps from a remedy gives: none where there is nothing that could be needed.
pub(super) type Made = Result<Vec<Box<dyn Step + Send>>, ByHand>;

/// The steps of a remedy, in their order.
pub(super) fn make(remedy: Remedy, situation: &Situation, machine: &Machine) -> Made {
    if !machine.is_whole() && !remedy.is_of_files() {
        return Err(ByHand(
            "it needs the machine itself, and --root is a directory of files".into(),
        ));
    }
    match remedy {
        Remedy::SynchroniseClock => clock::make(situation, machine),
        Remedy::CreateAccount => account::make(situation, machine),
        Remedy::InstallDocker => packages::engine(situation, machine),
        Remedy::InstallCompose => packages::compose(situation, machine),
        Remedy::WriteDaemonConfig => daemon_files::daemon_config(situation, machine),
        Remedy::WriteDaemonProxy => daemon_files::daemon_proxy(situation, machine),
        Remedy::EnableDocker => docker_service::enable(machine),
        Remedy::StartDocker => docker_service::start(situation, machine),
        Remedy::RestartDocker => docker_service::restart(situation),
        Remedy::CreateDirectory(directory) => directories::make(directory, situation),
        Remedy::LinkData => directories::link(situation),
        // It comes with the data, and nothing may be in their place before.
        Remedy::PlaceLicense if migration::old_license(situation, machine).is_some() => {
            Ok(Vec::new())
        }
        Remedy::PlaceLicense => license::make(situation, machine),
        Remedy::WriteEnvironment => stack_files::environment(situation, machine),
        Remedy::WriteComposeFile => stack_files::compose(situation, machine),
        Remedy::SetOwnership => ownership::make(situation),
        Remedy::RestrictMode(what) => restricted::make(what, situation, machine),
        Remedy::CreateNetworks => networks::make(situation),
        Remedy::RegistryLogin => registry_login::make(situation, machine),
        Remedy::Migrate => migration::migrate(situation, machine),
        Remedy::PullImages => images::make(situation),
        Remedy::ComposeUp => compose::up(situation),
        Remedy::RecreateContainers => containers_anew::make(situation),
        Remedy::AwaitHealth => health::make(situation),
        Remedy::RemoveOldContainers => migration::remove(situation),
        Remedy::OpenPort(port) => firewall::make(port, situation, machine),
    }
}

/// What has to be known before the steps of a remedy can be made.
pub(super) fn questions(remedy: Remedy, situation: &Situation, machine: &Machine) -> Vec<Question> {
    match remedy {
        Remedy::CreateDirectory(Directory::Data | Directory::Logs) | Remedy::SetOwnership => {
            owner::questions(situation)
        }
        Remedy::PlaceLicense if migration::old_license(situation, machine).is_none() => {
            let license = find(&situation.facts.profile, "license_file");
            license
                .into_iter()
                .chain(owner::questions(situation))
                .collect()
        }
        Remedy::WriteEnvironment => stack_files::environment_questions(situation, machine),
        Remedy::WriteComposeFile => stack_files::compose_questions(situation),
        Remedy::RegistryLogin => registry_login::questions(situation, machine),
        _ => Vec::new(),
    }
}

fn one(step: impl Step + Send + 'static) -> Made {
    Ok(vec![Box::new(step)])
}

/// A command line of a script.
fn command<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    shlex::try_join(words).unwrap_or_default()
}
