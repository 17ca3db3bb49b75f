//! Reading settings from where they stand, and refusing wrong ones with the place.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use toml::de::DeTable;

use super::Config;
use super::quantity::{format_duration, parse_duration, parse_size};
use crate::shown::shown;

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
        "unknown environment variable {}{}; known are {}",
        shown(name),
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
            config.apply(&name, value, &mut origins)?;
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

    /// Applies an environment variable, if it is one of ours and not empty.
    fn apply(
        &mut self,
        name: &OsStr,
        value: OsString,
        origins: &mut Origins,
    ) -> Result<(), ConfigError> {
        let name = name.to_string_lossy();
        let Some(suffix) = name.strip_prefix(PREFIX) else {
            return Ok(());
        };
        let known = |key: &&str| key.to_ascii_uppercase() == suffix;
        let Some(key) = KEYS.into_iter().find(known) else {
            let name = name.into_owned();
            return Err(ConfigError::UnknownVariable { name });
        };
        if value.is_empty() {
            return Ok(());
        }
        let name = name.into_owned();
        match self.set(key, value) {
            Ok(()) => {
                origins.insert(key, Origin::Variable(name));
                Ok(())
            }
            Err(reason) => Err(ConfigError::Variable { name, reason }),
        }
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
        let in_range = |key, value: Duration, low: Duration, high: Duration| Check {
            key,
            good: (low..=high).contains(&value),
            value: format_duration(value),
            allowed: format!("{} to {}", format_duration(low), format_duration(high)),
        };
        let number = |key, value: usize, low: usize, high: usize| Check {
            key,
            good: (low..=high).contains(&value),
            value: value.to_string(),
            allowed: format!("{low} to {high}"),
        };
        let metrics = self.metrics_interval;
        let (low, high) = (MIN_METRICS_INTERVAL, MAX_METRICS_INTERVAL);
        in_range("metrics_interval", metrics, low, high).done(origins)?;
        let reduce = self.reduce_interval;
        let mut check = in_range("reduce_interval", reduce, MIN_REDUCE_INTERVAL, metrics);
        check.allowed += ", the metrics_interval";
        check.done(origins)?;
        number("window", self.window, 1, MAX_WINDOW).done(origins)?;
        number("rotate_files", self.rotate_files, 0, MAX_ROTATE_FILES).done(origins)?;
        let stall_after = Check {
            key: "stall_after",
            good: !self.stall_after.is_zero(),
            value: format_duration(self.stall_after),
            allowed: "longer than 0s".to_owned(),
        };
        stall_after.done(origins)?;
        let log_path = Check {
            key: "log_path",
            good: self.log_path.file_name().is_some(),
            value: format!("\"{}\"", shown(&self.log_path.to_string_lossy())),
            allowed: "the path of a file".to_owned(),
        };
        log_path.done(origins)
    }
}

/// A value and what it may be.
struct Check {
    key: &'static str,
    good: bool,
    value: String,
    allowed: String,
}

impl Check {
    fn done(self, origins: &Origins) -> Result<(), ConfigError> {
        if self.good {
            return Ok(());
        }
        Err(ConfigError::Range {
            key: self.key,
            value: self.value,
            origin: origins.get(self.key).cloned().unwrap_or_default(),
            allowed: self.allowed,
        })
    }
}

fn parse(text: &str, origin: &str) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = line_at(text, at);
        let source = text.lines().nth(line - 1).unwrap_or_default().trim();
        let reason = error.message().replace('\n', "; ");
        let reason = shown(&reason);
        ConfigError::Syntax {
            origin: origin.to_owned(),
            line,
            reason: if source.is_empty() {
                reason.into_owned()
            } else {
                format!("{reason} (in the line {source:?})")
            },
        }
    })
}

/// The line of each key, for errors that only show once all values are known. The parser knows it best: a key may be quoted, and what
/// looks like one may stand inside a text.
fn origins(text: &str, origin: &str) -> Origins {
    let mut found = Origins::new();
    // It was parsed before, so it can be parsed.
    let Ok(table) = DeTable::parse(text) else {
        return found;
    };
    for key in table.get_ref().keys() {
        if let Some(known) = KEYS.into_iter().find(|known| key.get_ref() == known) {
            let line = line_at(text, key.span().start);
            let origin = origin.to_owned();
            found.insert(known, Origin::File { origin, line });
        }
    }
    found
}

/// The line, from 1, that a byte of a text stands in.
fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
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
