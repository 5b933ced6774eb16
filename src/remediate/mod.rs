//! REMEDIATE: from findings to a plan, and from a plan to a changed machine, and back.
//!
//! [`Plan::make`] turns what checks propose into ordered steps; [`apply`] does them through [`Change`], the only hands that
//! change the machine; every change is in the journal before it is made, with its way back, which [`undo`] goes.
//! A new step is a file in `steps/` with a [`Step`], and a row in `steps::make`.

pub mod answers;
mod apply;
mod change;
pub mod content;
mod difference;
mod engine;
mod fault;
mod files;
mod journal;
mod lock;
mod machine;
mod path_text;
mod plan;
mod step;
mod steps;
pub mod transfer;
mod undo;
mod walk;

pub use answers::{AnswerError, Answers};
pub use apply::{
    Ask, Done, StepResult, TakenBack, Unfinished, Work, apply, conclude, is_writable, take_over,
    undo,
};
pub use change::{Change, WayBack};
pub use files::FileAttributes;
pub use journal::{DIRECTORY as JOURNAL_DIRECTORY, Outcome, Story, stories};
pub use lock::{Holder, Lock, LockError};
pub use machine::{Call, Machine, Said, Watch};
pub use plan::{PLAN_SCHEMA_VERSION, Plan, PlanDocument, Planned, StepDocument, questions};
pub use step::{Situation, Step, StepError};
pub use walk::PlaceError;
