//! The old installation's data, copied or moved to their new place.

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use super::{
    super::{ByHand, command},
    old_license, old_login,
};
use crate::{
    checks::KEPT_SUFFIX,
    files::FileKind,
    remediate::{
        change::{Change, WayBack},
        content::stack::Disk,
        files::FileAttributes,
        machine::Machine,
        step::{Situation, Step, StepError},
        transfer::{self, Amount},
        walk::Directory,
    },
    units::{Bytes, counted},
};

/// What a copy is called until it is complete and compared.
const ARRIVING: &str = ".sesam-doctor-arriving";
/// What a copy of an earlier attempt is called that cannot be carried on.
const EARLIER: &str = ".sesam-doctor-earlier-";

/// Brings them over.
pub(super) struct BringData {
    source: PathBuf,
    target: PathBuf,
    amount: Amount,
    moves: bool,
    /// The link to the data, where they have a disk of their own.
    link: Option<PathBuf>,
    license: bool,
    login: Option<PathBuf>,
}

impl BringData {
    /// The step, where there is room at the new place.
    pub(super) fn plan(
        machine: &Machine,
        source: PathBuf,
        target: PathBuf,
        situation: &Situation,
    ) -> Result<Self, ByHand> {
        let by_hand = |error: &dyn std::fmt::Display| ByHand(error.to_string());
        let from = Directory::open(machine.root(), &source)
            .and_then(|directory| directory.reopened())
            .map_err(|error| by_hand(&error))?;
        let amount = transfer::measure(from.as_fd()).map_err(|error| by_hand(&error))?;
        let wants_move = situation.answers.get("migration") == Some("move");
        let step = Self {
            license: old_license(situation, machine).is_some(),
            moves: wants_move && is_one_file_system(machine, &source, &target),
            link: (situation.disk() == Disk::Data)
                .then(|| situation.facts.profile.layout.data_link.to_path_buf()),
            login: old_login(situation, machine),
            source,
            target,
            amount,
        };
        // Seen before anything is stopped.
        step.is_there(machine).map_err(|error| by_hand(&error))?;
        if !step.moves {
            step.require_room(machine)
                .map_err(|error| by_hand(&error))?;
        }
        Ok(step)
    }

    fn require_room(&self, machine: &Machine) -> Result<(), StepError> {
        let place = nearest_directory(machine, &self.target)?;
        let room =
            transfer::room(place.as_fd()).map_err(|error| StepError::Other(error.to_string()))?;
        match room.lacks(self.amount) {
            None => Ok(()),
            Some(lack) => Err(StepError::Other(format!(
                "there is no room for the data of {} at {}: {lack}",
                self.source.display(),
                self.target.display()
            ))),
        }
    }

    /// Whether the data are in their new place.
    ///
    /// # Errors
    /// That something else is there.
    fn is_there(&self, machine: &Machine) -> Result<bool, StepError> {
        if !machine.has_directory(&self.target)? {
            return Ok(false);
        }
        let target = Directory::open(machine.root(), &self.target)?.reopened()?;
        let there = transfer::measure(target.as_fd())
            .map_err(|error| StepError::Other(error.to_string()))?;
        if there.entries == 0 {
            return Ok(false);
        }
        if (there.entries, there.bytes) == (self.amount.entries, self.amount.bytes)
            || !machine.has_directory(&self.source)?
        {
            return Ok(true);
        }
        Err(StepError::Other(format!(
            "{} holds something already; nothing is mixed with it. Move it away, or decide which data count",
            self.target.display()
        )))
    }

    /// Whether the old data are still where the link to the new ones has to be.
    fn link_is_pending(&self, machine: &Machine) -> Result<bool, StepError> {
        let Some(link) = self.link.as_ref().filter(|link| **link == self.source) else {
            return Ok(false);
        };
        let entry = machine.entry(link)?;
        Ok(entry.is_some_and(|entry| entry.kind() == FileKind::Directory))
    }

    /// Beside the new place, under that place's name and this.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.target.file_name().unwrap_or_default().to_os_string();
        name.push(suffix);
        self.target.with_file_name(name)
    }

    /// Puts aside what an earlier attempt left where it is more than a part of the old data: a node has worked on it, or
    /// the old one has gone on since. Mixed, the two would be neither.
    fn put_worn_copy_aside(&self, change: &mut Change, arriving: &Path) -> Result<(), StepError> {
        let machine = change.machine();
        if !machine.has_directory(arriving)? {
            return Ok(());
        }
        let copy = Directory::open(machine.root(), arriving)?.reopened()?;
        let original = Directory::open(machine.root(), &self.source)?.reopened()?;
        let is_worn = transfer::goes_beyond(copy.as_fd(), original.as_fd())
            .map_err(|error| StepError::Other(error.to_string()))?;
        if !is_worn {
            return Ok(());
        }
        for number in 1..100 {
            let aside = self.beside(&format!("{EARLIER}{number}"));
            if machine.entry(&aside)?.is_some() {
                continue;
            }
            change.move_directory(arriving, &aside)?;
            machine.watch().say(&format!(
                "  an earlier copy, which is no longer the same as the old data, is {} from now on; remove it once nothing of it is wanted",
                aside.display()
            ));
            return Ok(());
        }
        Err(StepError::Other(format!(
            "{} is an earlier copy, which is no longer the same as the old data; move it away, and begin again",
            arriving.display()
        )))
    }

    fn copy(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        self.require_room(machine)?;
        let arriving = self.beside(ARRIVING);
        self.put_worn_copy_aside(change, &arriving)?;
        if !machine.has_directory(&arriving)? {
            let attributes = FileAttributes {
                mode: 0o700,
                owner: (0, 0),
            };
            change.make_directory(&arriving, attributes)?;
        }
        let way_back = WayBack::None {
            words: format!(
                "the copy at {} stays, and the next run carries it on; the data themselves are untouched in {}",
                arriving.display(),
                self.source.display()
            ),
        };
        change.act(way_back, |machine| {
            let from = Directory::open(machine.root(), &self.source)?.reopened()?;
            let to = Directory::open(machine.root(), &arriving)?.reopened()?;
            let total = self.amount.bytes.max(1);
            let (mut done, mut shown) = (0_u64, 0_u64);
            let copied = transfer::copy(from.as_fd(), to.as_fd(), &mut |bytes| {
                done += bytes;
                if done - shown > 8_000_000 || done == total {
                    shown = done;
                    machine.watch().doing(&format!(
                        "copying: {} of {} ({} %)",
                        Bytes(done),
                        Bytes(total),
                        done.saturating_mul(100) / total
                    ));
                }
            })
            .map_err(|error| StepError::Other(error.to_string()))?;
            machine.watch().say(&format!(
                "  {} in {}, each compared by SHA-256",
                Bytes(copied.amount.bytes),
                counted(copied.amount.entries, "file"),
            ));
            for left_out in &copied.left_out {
                machine.watch().say(&format!(
                    "  left out, since it is a socket or a device: {}",
                    left_out.display()
                ));
            }
            Ok(())
        })?;
        change.move_directory(&arriving, &self.target)
    }
}

/// The directory itself, or the nearest one above it that is there.
fn nearest_directory(machine: &Machine, path: &Path) -> Result<Directory, StepError> {
    for ancestor in path.ancestors() {
        if machine.has_directory(ancestor)? {
            return Ok(Directory::open(machine.root(), ancestor)?);
        }
    }
    Err(StepError::Other(format!(
        "nothing is at {}, and nothing above it",
        path.display()
    )))
}

fn is_one_file_system(machine: &Machine, source: &Path, target: &Path) -> bool {
    let device = |path: &Path| {
        let directory = nearest_directory(machine, path).ok()?;
        rustix::fs::fstat(&directory)
            .ok()
            .map(|status| status.st_dev)
    };
    let (one, other) = (device(source), device(target));
    one.is_some() && one == other
}

impl Step for BringData {
    fn words(&self) -> String {
        let how = if self.moves {
            "move (within its file system)"
        } else {
            "copy, compare by SHA-256, and leave where they are,"
        };
        let license = if self.license {
            "; its license is among them"
        } else {
            ""
        };
        let login = self.login.as_ref().map_or_else(String::new, |file| {
            format!("; its registry login is in {}", file.display())
        });
        format!(
            "{how} the old installation's data, {} in {}, from {} to {}{license}{login}",
            Bytes(self.amount.bytes),
            counted(self.amount.entries, "file"),
            self.source.display(),
            self.target.display(),
        )
    }

    fn script(&self) -> Vec<String> {
        let (source, target) = (
            self.source.display().to_string(),
            self.target.display().to_string(),
        );
        if self.moves {
            vec![
                format!("{} || true", command(["rmdir", &target])),
                command(["mv", "--", &source, &target]),
            ]
        } else {
            vec![command([
                "cp",
                "-a",
                "--sparse=auto",
                "--",
                &format!("{source}/."),
                &target,
            ])]
        }
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!self.is_there(machine)? || self.link_is_pending(machine)?)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let is_there = self.is_there(change.machine())?;
        if !is_there && self.moves {
            if let Some(above) = self.target.parent()
                && !change.machine().has_directory(above)?
            {
                let attributes = FileAttributes {
                    mode: 0o755,
                    owner: (0, 0),
                };
                change.make_directory(above, attributes)?;
            }
            change.move_directory(&self.source, &self.target)?;
        } else if !is_there {
            self.copy(change)?;
        }
        let Some(link) = self.link.as_ref().filter(|link| **link == self.source) else {
            return Ok(());
        };
        // The old data were where the link to the new ones has to be.
        if self.link_is_pending(change.machine())? {
            let mut name = link.file_name().unwrap_or_default().to_os_string();
            name.push(KEPT_SUFFIX);
            let aside = link.with_file_name(name);
            change.move_directory(&self.source, &aside)?;
            change.machine().watch().say(&format!(
                "  the old data are {} from now on",
                aside.display()
            ));
        }
        change.make_link(link, &self.target)
    }

    fn verify(&self, machine: &Machine) -> Result<(), StepError> {
        if machine.has_directory(&self.target)? {
            return Ok(());
        }
        Err(StepError::NoEffect(self.words()))
    }
}
