//! The steps, one file for each kind of remedy.

mod clock;
mod directories;
mod firewall;
mod license;
mod ownership;
mod restricted;

use super::{
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
    if !machine.is_whole() && !remedy.is_of_files() {
        return Err(ByHand(
            "it needs the machine itself, and --root is a directory of files".into(),
        ));
    }
    match remedy {
        Remedy::SynchroniseClock => clock::make(machine),
        Remedy::CreateDirectory(directory) => directories::make(directory, situation),
        Remedy::LinkData => directories::link(situation),
        Remedy::PlaceLicense => license::make(situation, machine),
        Remedy::SetOwnership => ownership::make(situation),
        Remedy::RestrictMode(what) => restricted::make(what, situation),
        Remedy::OpenPort(port) => firewall::make(port, situation, machine),
        _ => Err(ByHand("this version of the doctor cannot do it yet".into())),
    }
}

fn one(step: impl Step + Send + 'static) -> Made {
    Ok(vec![Box::new(step)])
}

/// A command line of a script.
fn command<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    shlex::try_join(words).unwrap_or_default()
}
