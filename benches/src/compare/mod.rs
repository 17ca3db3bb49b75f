//! The work of each hot call beside what else does the same work, measured in interleaved rounds of one run.
//!
//! ```text
//! operations ─▶ check, calibrate ─▶ rounds A B C … A B C … ─▶ medians ─▶ table, targets, Markdown, chart
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `clock`, `scope`, `count`, `ring`, `histogram`, `read`, `frame` | one operation each: ours, its floor and the rivals |
//! | `rivals` | what a rival needs to be installed once, as its documentation says |
//! | `growth` | how the cost of a reduction grows |
//! | `candidate`, `measure` | one body with its check; the interleaved loop |
//! | `targets` | the limits, and whether they are kept |
//! | `report`, `chart`, `machine` | tables, SVG, and what the run ran on |

mod candidate;
mod chart;
mod clock;
mod count;
mod frame;
mod growth;
mod histogram;
mod machine;
mod measure;
mod read;
mod report;
mod ring;
mod rivals;
mod scope;
mod targets;

pub use candidate::{Candidate, Kind, Operation};
pub use chart::draw;
pub use growth::{Growth, GrowthPoint, measure_growth};
pub use machine::Machine;
pub use measure::{Plan, Results, Row, Spread, measure};
pub use report::{Report, splice};
pub use targets::{Judged, judge};

/// Makes an operation with fresh candidates.
pub type Make = fn() -> Operation;

/// All operations, by their short names, in the order of the report.
pub const OPERATIONS: [(&str, Make); 10] = [
    ("clock", clock::operation),
    ("scope", scope::operation),
    ("count", count::alone),
    ("count_2", count::beside_another_thread),
    ("ring", ring::operation),
    ("histogram", histogram::operation),
    ("stage", frame::stage_change),
    ("frame", frame::four_stages),
    ("read", read::operation),
    ("read_busy", read::while_publishing),
];
