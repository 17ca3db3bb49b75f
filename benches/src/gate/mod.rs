//! The overhead gate: refuses a change that makes the hot path slower. See `docs/overhead-gate.md`.
//!
//! | module | holds |
//! |---|---|
//! | `operation` | what is gated |
//! | `callgrind` | instructions per call, exactly |
//! | `machine_code` | locked instructions and calls in the compiled operations |
//! | `ratio` | times, as ratios within one run, against a null control |
//! | `baseline` | the committed counts |
//! | `verdict`, `report` | what each comparison says, and the table of all |
//! | `check` | all of it, for this project |
//! | `program` | the same instruction count for anybody's program |

mod baseline;
mod callgrind;
mod check;
mod error;
mod machine_code;
mod operation;
mod program;
mod ratio;
mod report;
mod toolchain;
mod verdict;

pub use baseline::{Baseline, BaselineFile};
pub use callgrind::{instructions, instructions_per_call, valgrind_version};
pub use check::{Gate, build_ops};
pub use error::GateError;
pub use machine_code::{CodeFindings, MachineCode};
pub use operation::{Operation, Repetitions};
pub use program::ProgramGate;
pub use ratio::{Attempt, Decision, ROUNDS, Ratio, decide};
pub use report::Report;
pub use toolchain::Toolchain;
pub use verdict::{Check, Row, TOLERANCE_PERCENT, Verdict, grown};
