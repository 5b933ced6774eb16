//! The steps, one file for each kind of remedy.

mod directories;

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
    let _ = machine;
    match remedy {
        Remedy::CreateDirectory(directory) => directories::make(directory, situation),
        Remedy::LinkData => directories::link(situation),
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
