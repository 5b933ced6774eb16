//! The account that the product's files belong to.

use std::path::PathBuf;

use super::{ByHand, Made, command, one};
use crate::remediate::{
    change::{Change, WayBack},
    files::FileAttributes,
    machine::{Call, Machine},
    step::{Situation, Step, StepError},
};

/// The step that makes it.
pub(super) fn make(situation: &Situation) -> Made {
    let Some(name) = situation.facts.profile.system.account.clone() else {
        return Ok(Vec::new());
    };
    let Some(user) = situation.node_user() else {
        return Err(ByHand(format!(
            "no number is free for the account {name}; make it with useradd"
        )));
    };
    one(CreateAccount {
        home: PathBuf::from("/home").join(&name),
        name,
        user,
    })
}

struct CreateAccount {
    name: String,
    user: u32,
    home: PathBuf,
}

impl Step for CreateAccount {
    fn words(&self) -> String {
        format!(
            "make the account {} (number {}, home {})",
            self.name,
            self.user,
            self.home.display()
        )
    }

    fn script(&self) -> Vec<String> {
        let (user, home) = (self.user.to_string(), self.home.display().to_string());
        vec![
            command([
                "useradd",
                "--uid",
                &user,
                "--user-group",
                "--no-create-home",
                "--home-dir",
                &home,
                "--shell",
                "/bin/bash",
                &self.name,
            ]),
            command([
                "install", "-d", "-m", "750", "-o", &self.name, "-g", &self.name, &home,
            ]),
        ]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(machine.account(&self.name)?.is_none())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let program = |name: &str| {
            machine
                .program(&[name])
                .map(Call::new)
                .ok_or_else(|| StepError::NotHere(format!("{name} is not on this machine")))
        };
        let (user, home) = (self.user.to_string(), self.home.display().to_string());
        change.run(
            &program("useradd")?.arguments([
                "--uid",
                &user,
                "--user-group",
                "--no-create-home",
                "--home-dir",
                &home,
                "--shell",
                "/bin/bash",
                &self.name,
            ]),
            WayBack::Program {
                // What is in its home stays.
                words: format!("remove the account {}", self.name),
                call: program("userdel")?.arguments([&self.name]),
                is_safe: true,
            },
        )?;
        if change.machine().has_directory(&self.home)? {
            return Ok(());
        }
        let owner = change
            .machine()
            .account(&self.name)?
            .ok_or_else(|| StepError::NoEffect(self.words()))?;
        change.make_directory(&self.home, FileAttributes { mode: 0o750, owner })
    }
}
