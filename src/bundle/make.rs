//! Making a bundle.

use std::{
    fmt::Write,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use thiserror::Error;
use tokio::runtime::Handle;

use super::{
    LeftOut, MOST_UNPACKED, Manifest, Planned, SCHEMA_VERSION, plan,
    spool::{Packed, Spool},
};
use crate::{
    facts::{Facts, Site, Tool},
    output::{self, OutputError},
    redact::Redactor,
    units::Bytes,
};

/// How large a bundle may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The whole, packed.
    pub bundle: Bytes,
    /// The end of each log that is taken along.
    pub log: Bytes,
}

/// Files that are no logs are taken whole, unless they are larger than any of their kind.
const LARGEST_FILE: Bytes = Bytes(5_000_000);

/// A member that the doctor itself made, and that the redactor has seen already.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub content: String,
}

/// What is to be packed.
pub struct Work<'a> {
    /// The machine.
    pub site: &'a Site,
    /// What was observed of it.
    pub facts: &'a Facts,
    /// Facts and reports.
    pub texts: &'a [Text],
    /// The doctor's log of the run so far.
    pub log: String,
    /// Takes the secrets out, and marks them.
    pub redactor: &'a Redactor,
    /// Whether it masks addresses too.
    pub identity_masked: bool,
    /// How large it may become.
    pub limits: Limits,
    /// Where looks that wait are carried out.
    pub runtime: &'a Handle,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// So many members are planned.
    Planned(usize),
    /// This one is being packed.
    Packing(&'a str),
}

/// Why there is no bundle.
#[derive(Debug, Error)]
pub enum MakeError {
    /// The file could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Packing failed.
    #[error("{}: packing failed: {cause}; there has to be room for it twice", path.display())]
    Packing {
        /// The bundle.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Facts and reports alone are more than the limit.
    #[error("--max-size {0} is too little: facts and reports alone are more")]
    NoRoom(Bytes),
}

/// What writes an archive.
pub type Archive<'a> = dyn FnMut(&mut dyn io::Write) -> io::Result<()> + 'a;

/// What puts an archive into the file, as it is or encrypted.
pub type Seal<'a> = dyn FnMut(&mut Archive<'_>, &mut File) -> io::Result<()> + 'a;

/// Packs everything and hands the archive, once it is complete, to `write` with the file that becomes `path`.
///
/// # Errors
/// Where nothing could be written; that something could not be read is no error, but told in the manifest.
pub fn make(
    work: &Work<'_>,
    path: &Path,
    notify: &dyn Fn(Step<'_>),
    seal: &mut Seal<'_>,
) -> Result<Manifest, MakeError> {
    let packing = |cause| MakeError::Packing {
        path: path.to_path_buf(),
        cause,
    };
    let (members, left_out) = plan(work.site, work.facts, work.redactor, work.runtime);
    notify(Step::Planned(members.len()));
    let mut packer = Packer {
        spool: Spool::new(output::scratch_file(path)?, work.limits.bundle.0),
        left_out,
        unpacked: 0,
        work,
    };
    for text in work.texts {
        let mut content = text.content.as_bytes();
        match packer
            .spool
            .add(text.name, "sesam-doctor", &mut content, None)
        {
            Ok(Packed::TooLarge) => return Err(MakeError::NoRoom(work.limits.bundle)),
            Ok(_) => {}
            Err(cause) => return Err(packing(cause)),
        }
    }
    for member in &members {
        notify(Step::Packing(&member.name));
        packer.pack(member).map_err(packing)?;
    }
    let log = packer.log();
    let added = packer
        .spool
        .add(
            "doctor.log",
            "sesam-doctor",
            &mut log.as_bytes(),
            Some(work.redactor),
        )
        .map_err(packing)?;
    if matches!(added, Packed::TooLarge) {
        packer.leave_out("doctor.log", "sesam-doctor", TOO_LARGE);
    }
    let manifest = packer.manifest();
    output::write_with(path, |file| {
        seal(&mut |to| packer.spool.write_archive(&manifest, to), file)
    })?;
    Ok(manifest)
}

const TOO_LARGE: &str = "with it the bundle would be larger than --max-size";

struct Packer<'a> {
    spool: Spool,
    left_out: Vec<LeftOut>,
    unpacked: u64,
    work: &'a Work<'a>,
}

impl Packer<'_> {
    fn leave_out(&mut self, name: &str, source: &str, reason: &str) {
        self.left_out.push(LeftOut {
            name: name.to_owned(),
            source: source.to_owned(),
            reason: self.work.redactor.text(reason).into_owned(),
        });
    }

    fn pack(&mut self, member: &Planned) -> io::Result<()> {
        let work = self.work;
        let most = if member.is_log {
            work.limits.log
        } else {
            LARGEST_FILE
        };
        let source = work
            .redactor
            .text(&member.original.to_string())
            .into_owned();
        let mut reading = member.original.read(work.site, most, work.runtime);
        let packed = self
            .spool
            .add(&member.name, &source, &mut reading, Some(work.redactor))?;
        let told = match packed {
            Packed::TooLarge => {
                self.leave_out(&member.name, &source, TOO_LARGE);
                return Ok(());
            }
            Packed::UntilError(error) => Err(error.to_string()),
            Packed::Whole => reading.finish(),
        };
        let bytes = self.spool.last();
        if self.unpacked.saturating_add(bytes) > MOST_UNPACKED {
            self.spool.forget_last();
            let reason = format!(
                "with it the bundle would be larger than {} unpacked",
                Bytes(MOST_UNPACKED)
            );
            self.leave_out(&member.name, &source, &reason);
            return Ok(());
        }
        match told {
            Ok(0) => {}
            Ok(skipped) => self
                .left_out
                .push(LeftOut::beginning(&member.name, &source, skipped)),
            Err(reason) => {
                if bytes == 0 {
                    self.spool.forget_last();
                    self.leave_out(&member.name, &source, &reason);
                    return Ok(());
                }
                self.leave_out(&member.name, &source, &format!("it ends early: {reason}"));
            }
        }
        self.unpacked += bytes;
        Ok(())
    }

    fn log(&self) -> String {
        let mut log = self.work.log.clone();
        for member in self.spool.members() {
            let _ = writeln!(
                log,
                "packed {}: {} of {}",
                member.name,
                Bytes(member.bytes),
                member.source
            );
        }
        for left in &self.left_out {
            let _ = writeln!(
                log,
                "left out {} ({}): {}",
                left.name, left.source, left.reason
            );
        }
        log
    }

    fn manifest(&self) -> Manifest {
        let members = self.spool.members().to_vec();
        Manifest {
            schema_version: SCHEMA_VERSION,
            tool: Tool::this(),
            made_at: Timestamp::now(),
            redacted: members.iter().map(|member| member.redacted).sum(),
            members,
            left_out: self.left_out.clone(),
            identity_masked: self.work.identity_masked,
        }
    }
}
