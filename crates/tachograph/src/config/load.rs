//! Reading settings from where they stand, and refusing wrong ones with the place.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::Config;
use super::quantity::{format_duration, parse_duration, parse_size};

/// The environment variables, each the upper-case name of a key after [`PREFIX`].
const KEYS: [&str; 7] = [
    "metrics_interval",
    "reduce_interval",
    "window",
    "stall_after",
    "log_path",
    "rotate_bytes",
    "rotate_files",
];
const PREFIX: &str = "TACHOGRAPH_";

const MIN_METRICS_INTERVAL: Duration = Duration::from_millis(100);
const MAX_METRICS_INTERVAL: Duration = Duration::from_hours(24);
const MIN_REDUCE_INTERVAL: Duration = Duration::from_millis(1);
const MAX_WINDOW: usize = 1_000_000;
const MAX_ROTATE_FILES: usize = 1000;

/// Why settings were refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not TOML, or has an unknown key, or a value of the wrong kind.
    #[error("{origin}:{line}: {reason}")]
    Syntax {
        /// Where the text came from: a path as a rule.
        origin: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong there, with the line itself.
        reason: String,
    },
    /// An environment variable that looks like a setting and is none.
    #[error(
        "unknown environment variable {name}{}; known are {}",
        hint(name),
        known_variables()
    )]
    UnknownVariable {
        /// Its name.
        name: String,
    },
    /// An environment variable whose value cannot be read.
    #[error("{name}: {reason}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// A value that can be read and is out of range.
    #[error("{key} = {value}{origin} is out of range: it must be {allowed}")]
    Range {
        /// The key.
        key: &'static str,
        /// The value that was refused.
        value: String,
        /// Where it came from.
        origin: Origin,
        /// What is allowed.
        allowed: String,
    },
}

/// Where a value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The program itself.
    #[default]
    Program,
    /// A line of a file.
    File {
        /// The file, as it was named.
        origin: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => Ok(()),
            Self::File { origin, line } => write!(f, " ({origin}:{line})"),
            Self::Variable(name) => write!(f, " ({name})"),
        }
    }
}

type Origins = HashMap<&'static str, Origin>;

impl Config {
    /// Settings from TOML text; `origin` names it in errors, as a path does.
    ///
    /// # Errors
    /// Not TOML, an unknown key, a value of the wrong kind or out of range.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let config = parse(text, origin)?;
        config.check(&origins(text, origin))?;
        Ok(config)
    }

    /// Settings from a file, if there is one, and over them those of `env`, which is [`std::env::vars_os()`] as a rule.
    ///
    /// A variable whose value is empty counts as not set. Variables that do not begin with `TACHOGRAPH_` are ignored.
    ///
    /// # Errors
    /// The file cannot be read or is wrong, a variable is unknown or wrong, a value is out of range.
    pub fn load(
        path: Option<&Path>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let (mut config, mut origins) = match path {
            None => (Self::default(), Origins::new()),
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
                    path: path.to_owned(),
                    source,
                })?;
                let origin = path.display().to_string();
                (parse(&text, &origin)?, origins(&text, &origin))
            }
        };
        for (name, value) in env {
            let name = name.to_string_lossy();
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let key = KEYS
                .into_iter()
                .find(|known| known.to_ascii_uppercase() == key)
                .ok_or_else(|| ConfigError::UnknownVariable {
                    name: name.to_string(),
                })?;
            if value.is_empty() {
                continue;
            }
            config
                .set(key, value)
                .map_err(|reason| ConfigError::Variable {
                    name: name.to_string(),
                    reason,
                })?;
            origins.insert(key, Origin::Variable(name.into_owned()));
        }
        config.check(&origins)?;
        Ok(config)
    }

    /// Checks that every value is in its range, also those that the program itself has set.
    ///
    /// # Errors
    /// [`ConfigError::Range`] for the first that is not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check(&Origins::new())
    }

    /// Sets a key to a value from the environment.
    fn set(&mut self, key: &str, value: OsString) -> Result<(), String> {
        if key == "log_path" {
            self.log_path = PathBuf::from(value);
            return Ok(());
        }
        let text = value
            .into_string()
            .map_err(|value| format!("{} is not UTF-8", value.display()))?;
        let whole = || {
            text.trim()
                .parse()
                .map_err(|_| format!("{text:?} is not a whole number"))
        };
        match key {
            "metrics_interval" => self.metrics_interval = parse_duration(&text)?,
            "reduce_interval" => self.reduce_interval = parse_duration(&text)?,
            "stall_after" => self.stall_after = parse_duration(&text)?,
            "rotate_bytes" => self.rotate_bytes = parse_size(&text)?,
            "rotate_files" => self.rotate_files = whole()?,
            _ => self.window = whole()?,
        }
        Ok(())
    }

    fn check(&self, origins: &Origins) -> Result<(), ConfigError> {
        let require = |key: &'static str, good: bool, value: String, allowed: String| {
            let origin = || origins.get(key).cloned().unwrap_or_default();
            if good {
                return Ok(());
            }
            Err(ConfigError::Range {
                key,
                value,
                origin: origin(),
                allowed,
            })
        };
        let duration = |key, value: Duration, range: std::ops::RangeInclusive<Duration>| {
            let (low, high) = (
                format_duration(*range.start()),
                format_duration(*range.end()),
            );
            let good = range.contains(&value);
            require(
                key,
                good,
                format_duration(value),
                format!("{low} to {high}"),
            )
        };
        duration(
            "metrics_interval",
            self.metrics_interval,
            MIN_METRICS_INTERVAL..=MAX_METRICS_INTERVAL,
        )?;
        let reduce = self.reduce_interval;
        let (low, high) = (MIN_REDUCE_INTERVAL, self.metrics_interval);
        require(
            "reduce_interval",
            (low..=high).contains(&reduce),
            format_duration(reduce),
            format!(
                "{} to metrics_interval, which is {}",
                format_duration(low),
                format_duration(high)
            ),
        )?;
        let number = |key, value: usize, range: std::ops::RangeInclusive<usize>| {
            let allowed = format!("{} to {}", range.start(), range.end());
            require(key, range.contains(&value), value.to_string(), allowed)
        };
        number("window", self.window, 1..=MAX_WINDOW)?;
        number("rotate_files", self.rotate_files, 0..=MAX_ROTATE_FILES)?;
        let stall = self.stall_after;
        require(
            "stall_after",
            !stall.is_zero(),
            format_duration(stall),
            "longer than 0s".to_owned(),
        )?;
        require(
            "log_path",
            self.log_path.file_name().is_some(),
            format!("\"{}\"", self.log_path.display()),
            "the path of a file".to_owned(),
        )
    }
}

fn parse(text: &str, origin: &str) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let source = text.lines().nth(line - 1).unwrap_or_default().trim();
        let reason = error.message().replace('\n', "; ");
        ConfigError::Syntax {
            origin: origin.to_owned(),
            line,
            reason: if source.is_empty() {
                reason
            } else {
                format!("{reason} (in the line {source:?})")
            },
        }
    })
}

/// The line of each key, for errors that only show once all values are known.
fn origins(text: &str, origin: &str) -> Origins {
    let mut found = Origins::new();
    for (line, source) in (1..).zip(text.lines()) {
        if source.trim_start().starts_with('[') {
            break; // No key of ours stands inside a table.
        }
        let Some((key, _)) = source.split_once('=') else {
            continue;
        };
        let key = key.trim().trim_matches(['"', '\'']);
        if let Some(known) = KEYS.into_iter().find(|known| *known == key) {
            let origin = origin.to_owned();
            found.insert(known, Origin::File { origin, line });
        }
    }
    found
}

fn hint(name: &str) -> &'static str {
    if name.strip_prefix(PREFIX) == Some("TARGETS") {
        " (targets can only be set in a file)"
    } else {
        ""
    }
}

fn known_variables() -> String {
    KEYS.map(|key| format!("{PREFIX}{}", key.to_ascii_uppercase()))
        .join(", ")
}
