//! The line on stderr that says what a run is waiting for; a consumer of the observers' events.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    cli::RunOptions,
    facts::{Event, Source},
    screen,
};

/// How often the line is drawn anew while nothing happens.
const TICK: Duration = Duration::from_millis(120);

/// Shows what is being observed, where somebody can see it.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    waiting: Mutex<BTreeSet<Source>>,
    log: bool,
}

impl Progress {
    /// Progress of observing this many sources.
    #[must_use]
    pub fn new(sources: usize, options: &RunOptions) -> Self {
        let wanted = !options.no_progress && !options.quiet && screen::is_watched();
        let bar = if wanted {
            let bar = ProgressBar::with_draw_target(
                u64::try_from(sources).ok(),
                ProgressDrawTarget::stderr(),
            );
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} observing {pos}/{len}: {wide_msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            waiting: Mutex::new(BTreeSet::new()),
            log: options.verbose > 1,
        }
    }

    /// Progress of packing a bundle.
    #[must_use]
    pub fn packing(options: &RunOptions) -> Self {
        let progress = Self::new(0, options);
        if let Ok(style) = ProgressStyle::with_template("{spinner} packing {pos}/{len}: {wide_msg}")
        {
            progress.bar.set_style(style);
        }
        progress
    }

    /// So many things are to be packed.
    pub fn expect(&self, members: usize) {
        self.bar.set_length(members.try_into().unwrap_or(u64::MAX));
    }

    /// The next thing is being packed.
    pub fn pack(&self, name: &str) {
        self.bar.inc(1);
        self.bar.set_message(screen::harmless(name).into_owned());
    }

    /// Takes note of an event.
    pub fn hear(&self, event: &Event) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started(source) => {
                waiting.insert(*source);
            }
            Event::Finished { source, took, gap } => {
                waiting.remove(source);
                self.bar.inc(1);
                if self.log {
                    let gap = gap.as_ref().map_or(String::new(), |gap| format!(": {gap}"));
                    let line = format!("{} took {} ms{gap}", source.name(), took.as_millis());
                    self.bar.suspend(|| {
                        screen::tell(&line);
                    });
                }
            }
        }
        let names: Vec<&str> = waiting.iter().map(|source| source.name()).collect();
        self.bar.set_message(names.join(", "));
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
