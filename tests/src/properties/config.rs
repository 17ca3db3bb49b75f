//! The configuration: TOML, environment variables, single targets.

use std::ffi::OsString;
use std::time::Duration;

use tachograph::{
    Config, ConfigError, MetricsCollector, Origin, Target, VirtualTime, parse_duration,
};

use super::{NoProbe, assert_one_line};

const ORIGIN: &str = "x.toml";
/// A collector is made of settings whose windows are at most this large; larger ones just take memory.
const MAX_WINDOW: usize = 2000;
/// Texts of more lines are not taken apart line by line.
const MOST_LINES: usize = 64;

/// Text is settings that are in range, that read back the same when written, and of which a collector can be made; or an error of one
/// line that names the place. The same for its lines as environment variables `NAME=value` and as targets `name=limit`.
///
/// # Panics
/// It is not so.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Config::from_toml(&text, ORIGIN) {
        Ok(config) => good(&config),
        Err(error) => refused(&error, &text),
    }
    environment(&text);
    for (name, limit) in pairs(&text) {
        target(name, limit);
        if let Ok(duration) = parse_duration(limit) {
            assert!(duration <= Duration::MAX);
        }
    }
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once('='))
}

/// The ranges as the documentation of [`Config`] gives them.
fn in_range(config: &Config) {
    config.validate().expect("what was accepted is in range");
    let (log, reduce) = (config.metrics_interval, config.reduce_interval);
    assert!((Duration::from_millis(100)..=Duration::from_hours(24)).contains(&log));
    assert!((Duration::from_millis(1)..=log).contains(&reduce));
    assert!((1..=1_000_000).contains(&config.window) && config.rotate_files <= 1000);
    assert!(config.stall_after > Duration::ZERO && config.log_path.file_name().is_some());
}

fn good(config: &Config) {
    in_range(config);
    let text = toml::to_string(config).expect("settings can be written");
    let again = Config::from_toml(&text, ORIGIN).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again, *config, "{text}");
    if config.window <= MAX_WINDOW {
        let builder = MetricsCollector::builder().config(config.clone());
        let time = VirtualTime::new();
        let builder = builder
            .quiet()
            .without_log()
            .time_source(time.clone())
            .probe(NoProbe);
        match builder.build() {
            Ok(collector) => {
                time.advance(config.metrics_interval);
                collector.poll();
                assert!(!collector.status_table().is_empty());
            }
            // A target for something that is not measured.
            Err(error) => assert_one_line(&error.to_string()),
        }
    }
}

fn refused(error: &ConfigError, text: &str) {
    assert_one_line(&error.to_string());
    let line_of = |line: usize| text.lines().nth(line - 1);
    match error {
        ConfigError::Syntax { origin, line, .. } => {
            assert_eq!(origin, ORIGIN);
            let lines = text.matches('\n').count() + 1;
            assert!((1..=lines).contains(line), "line {line} of {lines}");
        }
        ConfigError::Range { key, origin, .. } => {
            let Origin::File { origin, line } = origin else {
                panic!("{error} does not say where it stands");
            };
            assert_eq!(origin, ORIGIN);
            let line = line_of(*line).unwrap_or_default();
            // A key may be written with escapes.
            let named = line.contains(key) || line.contains('\\');
            assert!(named, "{error}, but {line:?} stands there");
            is_the_one(error, text);
        }
        other => panic!("{other} cannot come from a text"),
    }
}

/// The lines before the one that is named are not refused for this key; with it, as soon as they are TOML again, they are.
fn is_the_one(error: &ConfigError, text: &str) {
    let ConfigError::Range {
        key,
        origin: Origin::File { line, .. },
        ..
    } = error
    else {
        return;
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.len() > MOST_LINES {
        return;
    }
    // `None`: a text is still open, or whatever else is no TOML.
    let verdict = |lines: &[&str]| match Config::from_toml(&lines.concat(), ORIGIN) {
        Err(ConfigError::Range { key, .. }) => Some(Some(key)),
        Ok(_) => Some(None),
        Err(_) => None,
    };
    for before in 0..*line {
        let refused = verdict(&lines[..before]).flatten();
        // What that one may be hangs on another setting, which may come later.
        let earlier = refused == Some(*key) && *key != "reduce_interval";
        assert!(!earlier, "{error} stands further up");
    }
    let with = (*line..=lines.len()).find_map(|with| verdict(&lines[..with]));
    let refused = with.flatten();
    let named = refused == Some(*key) || [refused, Some(*key)].contains(&Some("reduce_interval"));
    assert!(named, "{error} stands further down");
}

/// What a variable may not be: `std::env` takes neither an empty name nor a NUL.
fn environment(text: &str) {
    let variables = pairs(text).filter(|(name, value)| !name.is_empty() && !value.contains('\0'));
    let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    match Config::load(None, variables) {
        Ok(config) => in_range(&config),
        Err(error) => {
            assert_one_line(&error.to_string());
            let known = matches!(
                error,
                ConfigError::UnknownVariable { .. }
                    | ConfigError::Variable { .. }
                    | ConfigError::Range { .. }
            );
            assert!(known, "{error} cannot come from the environment");
        }
    }
}

fn target(name: &str, limit: &str) {
    match Target::parse(name, limit) {
        Ok(target) => {
            let shown = target.to_string();
            let limit = shown
                .strip_prefix(&target.name())
                .expect("it begins with its name");
            let again = Target::parse(&target.name(), limit).expect("it can be read as shown");
            assert_eq!(again, target, "{shown}");
            assert!(target.limit.value().is_finite() && target.limit.value() >= 0.0);
        }
        Err(error) => assert_one_line(&error.to_string()),
    }
}
