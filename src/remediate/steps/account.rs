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
pub(super) fn make(situation: &Situation, machine: &Machine) -> Made {
    let Some(name) = situation.facts.profile.system.account.clone() else {
        return Ok(Vec::new());
    };
    let Some(user) = situation.node_user() else {
        return Err(ByHand(format!(
            "no number is free for the account {name}; make it with useradd"
        )));
    };
    let other = machine
        .name_of(user)
        .map_err(|error| ByHand(error.to_string()))?;
    if let Some(other) = other.filter(|other| *other != name) {
        return Err(ByHand(format!(
            "number {user}, which USER_ID is, belongs to the account {other}; make {name} with another number (useradd), and set USER_ID in .env to that"
        )));
    }
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

/// Whether a group of the account's name has to be made with it.
#[derive(Clone, Copy)]
enum GroupIs {
    New,
    There,
}

impl CreateAccount {
    fn arguments<'a>(&'a self, user: &'a str, home: &'a str, group: GroupIs) -> Vec<&'a str> {
        let mut arguments = vec!["--uid", user];
        match group {
            GroupIs::New => arguments.push("--user-group"),
            GroupIs::There => arguments.extend(["--gid", &self.name]),
        }
        arguments.extend(["--no-create-home", "--home-dir", home]);
        arguments.extend(["--shell", "/bin/bash", &self.name]);
        arguments
    }
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
        let home = self.home.display().to_string();
        let user = self.user.to_string();
        let useradd = |group: GroupIs| {
            command(
                ["useradd"]
                    .into_iter()
                    .chain(self.arguments(&user, &home, group)),
            )
        };
        vec![
            format!(
                "if {} >/dev/null; then",
                command(["getent", "group", &self.name])
            ),
            format!("    {}", useradd(GroupIs::There)),
            "else".into(),
            format!("    {}", useradd(GroupIs::New)),
            "fi".into(),
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
        let group = match machine.group_number(&self.name)? {
            Some(number) => {
                // userdel(8) takes a group of the account's name along, also one that was there before.
                change.run(
                    &program("getent")?.arguments(["group", &self.name]),
                    WayBack::Program {
                        words: format!("keep the group {}", self.name),
                        call: program("groupadd")?
                            .arguments(["--force", "--gid", &number, &self.name]),
                        is_safe: true,
                    },
                )?;
                GroupIs::There
            }
            None => GroupIs::New,
        };
        change.run(
            &program("useradd")?.arguments(self.arguments(&user, &home, group)),
            WayBack::Program {
                // What is in its home stays; a group of its name goes, unless others are in it, as userdel(8) says.
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
