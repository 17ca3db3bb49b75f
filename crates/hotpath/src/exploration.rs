//! How the loom models of this crate and of those above it are run.
//!
//! loom remembers one last access per atomic, so a writer that reads back its own atomic hides interleavings and a model that
//! explores one of them reports success. Every model therefore asserts a floor on how many it explored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Runs a model and asserts that at least `floor` interleavings were explored.
///
/// # Panics
/// Where the model does, or where fewer were explored.
pub fn explore(floor: usize, model: impl Fn() + Send + Sync + 'static) {
    run(&loom::model::Builder::new(), floor, model);
}

/// Like [`explore`], with at most that many switches away from a thread that could go on: for models that are too large.
///
/// # Panics
/// Where the model does, or where fewer were explored.
pub fn explore_up_to(preemptions: usize, floor: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    run(&builder, floor, model);
}

fn run(builder: &loom::model::Builder, floor: usize, model: impl Fn() + Send + Sync + 'static) {
    let explored = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&explored);
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    let explored = explored.load(Relaxed);
    #[expect(clippy::disallowed_macros, reason = "a model, not the loop")]
    {
        println!("{explored} interleavings");
    }
    assert!(
        explored >= floor,
        "only {explored} of at least {floor} interleavings were explored"
    );
}
