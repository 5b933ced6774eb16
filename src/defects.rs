//! What a panic costs: what was being looked at or judged, and not the run.
//!
//! A release does not unwind, since the code and the tables for it would be a quarter of the program. There a thread that panics under a
//! watch tells whoever waits for it, and stays where it is until the process ends; a panic that nobody watches for ends
//! the process as a run that could determine nothing.

use std::{cell::RefCell, future::poll_fn, panic, pin::pin, process, sync::Arc, thread};

use tokio::sync::Notify;

/// How a run ends that could not go on; see the contract's exit codes.
const UNDETERMINED: i32 = 3;

thread_local! {
    static WATCHED: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Is told of a panic in what is done under it.
#[derive(Clone)]
pub struct Watch(Arc<dyn Fn() + Send + Sync>);

impl Watch {
    /// Who is to be told, on the thread that panics.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Does work of which a panic is told.
    pub fn over<T>(&self, work: impl FnOnce() -> T) -> T {
        let former = WATCHED.replace(Some(self.clone()));
        let done = work();
        WATCHED.set(former);
        done
    }

    /// The same for work that waits in between.
    pub async fn over_task<T>(self, task: impl Future<Output = T>) -> T {
        let mut task = pin!(task);
        poll_fn(|context| self.over(|| task.as_mut().poll(context))).await
    }
}

/// Waits for work that may panic.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Notify>);

impl Waiting {
    /// What the work has to be done under.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let told = Arc::clone(&self.0);
        Watch::new(move || told.notify_one())
    }

    /// What comes of a task, or nothing where a panic is told first.
    pub async fn unless_told<T>(&self, task: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = task => Some(done),
            () = self.0.notified() => None,
        }
    }
}

/// A task that belongs to the work which begins it: whoever watches over that is told of its panic.
pub fn inherited<T>(task: impl Future<Output = T>) -> impl Future<Output = T> {
    let watch = WATCHED.with_borrow(Clone::clone);
    async {
        match watch {
            Some(watch) => watch.over_task(task).await,
            None => task.await,
        }
    }
}

/// Has threads that panic stay where they are, for programs that do not unwind.
pub fn stay_after_panics() {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        say(panic);
        match WATCHED.try_with(RefCell::take) {
            Ok(Some(watch)) => {
                (watch.0)();
                // A thread of the runtime hands its other tasks over.
                tokio::task::block_in_place(|| {
                    loop {
                        thread::park();
                    }
                });
            }
            _ => process::exit(UNDETERMINED),
        }
    }));
}
