//! `tacho`: runs an instrumented frame loop on real or synthetic video.
#![allow(dead_code)] // Until the loop uses them.

mod describe;
mod detect;
mod events;
mod feed;
mod frame;
mod jpeg;
mod motion;
mod source;
mod stop;
mod suppress;

fn main() {}
