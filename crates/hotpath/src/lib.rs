//! What tachograph runs inside the frame loop, and nothing else.
//!
//! A thread that measures owns a [`Recorder`]; the recorder writes into a [`Lane`] that no other thread writes. Recording is
//! a bounded run of plain loads and stores: no lock, no atomic read-modify-write, no system call, no allocation, no panic.
//! (The one exception is the ring of whole-frame traces, a crossbeam queue that is touched once per frame.)
//!
//! ```text
//! frame thread ─ Recorder ─▶ Lane ┐
//! llm thread   ─ Recorder ─▶ Lane ┼─▶ whoever reads: [`Registry::lanes`], `tachograph-reducer`
//! …            ─ Recorder ─▶ Lane ┘
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `schema` | the frozen list of counters and timers, and the names every frame loop has |
//! | `clock`, `manual` | raw ticks and their conversion; a clock that is moved by hand |
//! | `ring` | one timer's samples: single writer, any reader, the oldest is overwritten |
//! | `cells` | counters: raised by one thread, read by any |
//! | `in_flight` | the word that says what is running right now |
//! | `lane` | one writer's storage |
//! | `recorder`, `frame` | the writer's handle, its scopes and whole frames |
//! | `registry` | all lanes, and their handover from thread to thread |
//!
//! The memory orderings are argued in `docs/orderings.md`; each site cites its row there.

mod cells;
mod clock;
mod frame;
mod in_flight;
mod lane;
mod manual;
mod recorder;
mod registry;
mod ring;
mod schema;
mod sync;

pub use clock::{Clock, Stamp};
pub use frame::{Frame, FrameTrace, MAX_TRACED_STAGES, Outcome, StageSpan};
pub use in_flight::InFlight;
pub use lane::Lane;
pub use manual::ManualTime;
pub use recorder::{Recorder, Scope};
pub use registry::{Registry, RegistryOptions};
pub use ring::{Cursor, MAX_SAMPLE_TICKS, Sample, SampleRing, SampleWriter};
pub use schema::{
    Counter, Kind, MAX_METRICS, MAX_NAME_BYTES, Schema, SchemaBuilder, SchemaError, Timer, metrics,
};

#[cfg(tachograph_loom)]
pub mod exploration;
#[cfg(all(test, tachograph_loom))]
mod models;
