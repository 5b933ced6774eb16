//! The process: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use sesam_doctor::{cli::Arguments, defects, run};

fn main() -> ExitCode {
    if cfg!(panic = "abort") {
        defects::stay_after_panics();
    }
    match Arguments::try_parse() {
        Ok(arguments) => run::run(arguments).into(),
        Err(refusal) => run::refuse(&refusal).into(),
    }
}
