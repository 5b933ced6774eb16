//! The steps, one file for each kind of remedy.

mod compose;
mod daemon_files;
mod directories;
mod docker_service;
mod images;
mod migration;
mod networks;
mod packages;
mod registry_login;
mod stack_files;
mod written_file;

use super::{
    answers::{Question, find},
    machine::Machine,
    step::{Situation, Step},
};
use crate::checks::Remedy;

/// Why a remedy is left to a person here, in words.
pub(super) struct ByHand(pub(super) String);

/// What making steps from a remedy gives: none where there is nothing that could be needed.
pub(super) type Made = Result<Vec<Box<dyn Step + Send>>, ByHand>;

/// The steps of a remedy, in their order.
pub(super) fn make(remedy: Remedy, situation: &Situation, machine: &Machine) -> Made {
    match remedy {
        Remedy::InstallDocker => packages::engine(situation),
        Remedy::InstallCompose => packages::compose(situation),
        Remedy::WriteDaemonConfig => daemon_files::daemon_config(situation, machine),
        Remedy::WriteDaemonProxy => daemon_files::daemon_proxy(situation, machine),
        Remedy::EnableDocker => docker_service::enable(machine),
        Remedy::StartDocker => docker_service::start(situation),
        Remedy::RestartDocker => docker_service::restart(situation),
        Remedy::CreateNetworks => networks::make(situation),
        Remedy::CreateDirectory(directory) => directories::make(directory, situation),
        Remedy::LinkData => directories::link(situation),
        Remedy::WriteEnvironment => stack_files::environment(situation, machine),
        Remedy::WriteComposeFile => stack_files::compose(situation, machine),
        Remedy::RegistryLogin => registry_login::make(situation, machine),
        Remedy::Migrate => migration::migrate(situation, machine),
        Remedy::PullImages => images::make(situation),
        Remedy::ComposeUp => compose::up(situation),
        Remedy::AwaitHealth => compose::await_health(situation),
        Remedy::RemoveOldContainers => migration::remove(situation),
        _ => Err(ByHand("this version of the doctor cannot do it yet".into())),
    }
}

/// What has to be known before the steps of a remedy can be made.
pub(super) fn questions(remedy: Remedy, situation: &Situation, machine: &Machine) -> Vec<Question> {
    let profile = &situation.facts.profile;
    let asked = |keys: &[&str]| keys.iter().filter_map(|key| find(profile, key)).collect();
    match remedy {
        Remedy::PlaceLicense => asked(&["license_file"]),
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
