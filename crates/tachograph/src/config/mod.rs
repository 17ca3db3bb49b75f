//! Settings: defaults, a TOML file over them, `TACHOGRAPH_*` environment variables over that.

mod load;
mod quantity;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::log_file::{DEFAULT_ROTATE_BYTES, DEFAULT_ROTATE_FILES, LogOptions};
use crate::targets::Targets;

pub use load::{ConfigError, Origin};
pub use quantity::parse_duration;
pub(crate) use quantity::split_unit;

/// All settings of a collector.
///
/// As TOML, with the defaults (each key may be left out; an unknown one is an error):
/// ```toml
/// metrics_interval = "60s"       # a line in the log and on the console; 100ms to 24h
/// reduce_interval = "100ms"      # a new snapshot; 1ms to metrics_interval
/// window = 1000                  # samples per timer for avg, min, max and percentiles; 1 to 1000000
/// stall_after = "10s"            # without a finished frame for so long, the pipeline is down
/// log_path = "logs/metrics.json" # relative to the working directory
/// rotate_bytes = "64 MiB"        # or bytes as a number; 0 = never rotate; MB = MiB
/// rotate_files = 10              # rotated files that are kept; 0 to 1000
///
/// [targets]
/// coreml_inference.p95 = "< 100ms"
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often a line is logged and the status shown: 100 ms to 24 h. Default: 60 s.
    #[serde(with = "friendly_duration")]
    pub metrics_interval: Duration,
    /// How often a snapshot is published: 1 ms to `metrics_interval`. Default: 100 ms.
    #[serde(with = "friendly_duration")]
    pub reduce_interval: Duration,
    /// Samples over which avg, min, max and percentiles are taken: 1 to 1,000,000. Default: 1000.
    pub window: usize,
    /// Time without a finished frame after which the pipeline counts as down, above 0; `Duration::MAX`: never. Default: 10 s.
    #[serde(with = "friendly_duration")]
    pub stall_after: Duration,
    /// Where the log is written, relative to the working directory. Default: `logs/metrics.json`.
    pub log_path: PathBuf,
    /// Size in bytes at which the log is rotated; 0 = never. Default: 64 MiB.
    #[serde(deserialize_with = "size")]
    pub rotate_bytes: u64,
    /// Rotated files that are kept, 0 to 1000; 0 = the full log is deleted. Default: 10.
    pub rotate_files: usize,
    /// What the status marks as met or missed.
    pub targets: Targets,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metrics_interval: Duration::from_mins(1),
            reduce_interval: Duration::from_millis(100),
            window: 1000,
            stall_after: Duration::from_secs(10),
            log_path: PathBuf::from("logs/metrics.json"),
            rotate_bytes: DEFAULT_ROTATE_BYTES,
            rotate_files: DEFAULT_ROTATE_FILES,
            targets: Targets::default(),
        }
    }
}

impl Config {
    /// Where the log is and how much of it is kept.
    pub fn log_options(&self) -> LogOptions {
        LogOptions {
            path: self.log_path.clone(),
            rotate_bytes: self.rotate_bytes,
            rotate_files: self.rotate_files,
        }
    }
}

mod friendly_duration {
    use std::time::Duration;

    use serde::de::{Error, Unexpected, Visitor};
    use serde::{Deserializer, Serializer};

    use super::quantity::{format_duration, parse_duration};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        deserializer.deserialize_str(Text)
    }

    struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a duration with its unit such as \"60s\", \"1h 30m\" or \"100ms\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            parse_duration(text).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
    }
}

/// A size as a number of bytes or with a unit.
fn size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    use serde::de::{Error, Unexpected, Visitor};

    struct Size;

    impl Visitor<'_> for Size {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a size such as \"64 MiB\" or 67108864")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            quantity::parse_size(text).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }

        fn visit_u64<E: Error>(self, bytes: u64) -> Result<u64, E> {
            Ok(bytes)
        }

        fn visit_i64<E: Error>(self, bytes: i64) -> Result<u64, E> {
            u64::try_from(bytes).map_err(|_| E::invalid_value(Unexpected::Signed(bytes), &self))
        }
    }

    deserializer.deserialize_any(Size)
}

#[cfg(test)]
mod tests;
