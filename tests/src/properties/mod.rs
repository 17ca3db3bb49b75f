//! What must hold for any input: one function per interface that reads what somebody else wrote.
//!
//! Each takes arbitrary bytes, as a fuzzer and proptest alike can make them, and asserts against a model of its own; none is content with
//! "it did not panic". `tests/properties.rs` runs them in the normal suite, `fuzz/` with coverage guidance. See `docs/fuzzing.md`.

mod by_name;
mod bytes;
mod config;
mod ledger;
mod log;
mod model;
mod recorder;
mod snapshot;
mod y4m;
mod y4m_model;

use tachograph::{Probe, SystemSample};

pub use by_name::by_name;
pub use config::config;
pub use log::log;
pub use recorder::recorder;
pub use snapshot::snapshot;
pub use y4m::y4m;

/// Asserts that a message to a user is one line that cannot steer a terminal.
fn assert_one_line(message: &str) {
    assert!(!message.is_empty(), "an empty message");
    assert!(
        !message.chars().any(char::is_control),
        "more than a line: {message:?}"
    );
}

/// A machine that cannot be measured: properties must not depend on the one they run on.
#[derive(Debug)]
struct NoProbe;

impl Probe for NoProbe {
    fn sample(&mut self) -> SystemSample {
        SystemSample::default()
    }
}
