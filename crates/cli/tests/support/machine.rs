//! A machine that tells a test what it wants to hear.
#![allow(unreachable_pub)] // As in the rest of what the tests share.

use std::time::Duration;

use tachograph::{Probe, SystemSample};

/// A machine that is half busy, in part with this process, whose memory has a peak when the second line is written.
#[derive(Debug, Default)]
pub struct Machine {
    seconds: u32,
}

impl Probe for Machine {
    fn sample(&mut self) -> SystemSample {
        self.seconds += 1;
        let is_peak = (115..125).contains(&self.seconds);
        SystemSample {
            cpu_percent: Some(50.0),
            memory_used: Some(4 << 30),
            memory_total: Some(16 << 30),
            process_memory: Some(if is_peak { 300 << 20 } else { 200 << 20 }),
            process_cpu: Some(Duration::from_millis(100) * self.seconds),
        }
    }
}
