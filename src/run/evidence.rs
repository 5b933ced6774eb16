//! What `--facts` names: facts that are judged instead of this machine, and a probe's report that is evidence beside them.

use std::path::{Path, PathBuf};

use super::RunError;
use crate::{
    cli::RunOptions,
    facts::probe_report::{self, FileKind, Probe},
};

/// The files of `--facts`, by what they are.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    /// Recorded facts; without them this machine is observed.
    pub recording: Option<&'a Path>,
    /// What a probe saw from outside.
    pub probe: Option<Probe>,
}

/// Tells the files of `--facts` apart by what they say that they are.
///
/// # Errors
/// Two of a kind, a report that is neither, or facts together with `--root`.
pub(super) fn sorted(options: &RunOptions) -> Result<Evidence<'_>, RunError> {
    let mut evidence = Evidence::default();
    let mut probe_file: Option<&PathBuf> = None;
    for file in &options.facts {
        let shown = file.display();
        match probe_report::kind_of(file) {
            FileKind::Probe(found) => {
                let probe = found.map_err(|problem| {
                    RunError::Usage(format!("--facts {shown}: no report of a probe: {problem}"))
                })?;
                if let Some(other) = probe_file.replace(file) {
                    return Err(RunError::Usage(format!(
                        "--facts names two reports of probes, {} and {shown}; name the one that is to count",
                        other.display()
                    )));
                }
                evidence.probe = Some(*probe);
            }
            FileKind::Report => {
                return Err(RunError::Usage(format!(
                    "--facts {shown}: this is the report of a run, not what it was made from; --facts takes what `sesam-doctor facts -o FILE` or `sesam-doctor probe HOST --report json=FILE` writes (two reports are compared by `sesam-doctor diff OLD NEW`)"
                )));
            }
            FileKind::Other => {
                if let Some(other) = evidence.recording.replace(file) {
                    return Err(RunError::Usage(format!(
                        "--facts names two recordings, {} and {shown}; one machine is judged at a time",
                        other.display()
                    )));
                }
            }
        }
    }
    if evidence.recording.is_some() && options.root.is_some() {
        return Err(RunError::Usage(
            "--facts and --root name two machines; leave one of them out".into(),
        ));
    }
    Ok(evidence)
}
