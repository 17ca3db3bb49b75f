//! Benchmarks of tachograph; see `benches/`.

pub mod gate;

#[cfg(feature = "peers")]
pub mod compare;
pub mod fixture;
pub mod frame_loop;
pub mod pixels;
