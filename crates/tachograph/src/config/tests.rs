use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::targets::Target;

fn refused(text: &str) -> String {
    let error = Config::from_toml(text, "tacho.toml")
        .unwrap_err()
        .to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

fn load(path: Option<&Path>, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = env
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Config::load(path, env)
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(Config::from_toml("", "").unwrap(), Config::default());
    assert_eq!(load(None, &[]).unwrap(), Config::default());
    Config::default().validate().unwrap();
    let log = Config::default().log_options();
    assert_eq!((log.rotate_bytes, log.rotate_files), (64 << 20, 10));
}

#[test]
fn every_key_can_be_set() {
    let text = r#"
        metrics_interval = "1h 30m"
        reduce_interval = "20ms"
        window = 5000
        stall_after = "1m"
        log_path = "/var/log/cam.jsonl"
        rotate_bytes = "10 MB"
        rotate_files = 3

        [targets]
        coreml_inference.p95 = "< 50ms"
        llm_inference.p95 = "off"
    "#;
    let config = Config::from_toml(text, "tacho.toml").unwrap();
    assert_eq!(config.metrics_interval, Duration::from_mins(90));
    assert_eq!(config.reduce_interval, Duration::from_millis(20));
    assert_eq!(config.window, 5000);
    assert_eq!(config.stall_after, Duration::from_mins(1));
    assert_eq!(config.log_path, PathBuf::from("/var/log/cam.jsonl"));
    assert_eq!((config.rotate_bytes, config.rotate_files), (10 << 20, 3));
    let targets: Vec<_> = config.targets.iter().map(Target::to_string).collect();
    assert_eq!(targets.len(), 6);
    assert_eq!(targets[0], "coreml_inference.p95 < 50ms");
    let written = toml::to_string(&config).unwrap();
    assert_eq!(
        Config::from_toml(&written, "").unwrap(),
        config,
        "{written}"
    );
}

#[test]
fn the_defaults_survive_writing_and_reading() {
    let written = toml::to_string(&Config::default()).unwrap();
    assert_eq!(Config::from_toml(&written, "").unwrap(), Config::default());
    let json = serde_json::to_string(&Config::default()).unwrap();
    assert_eq!(
        serde_json::from_str::<Config>(&json).unwrap(),
        Config::default()
    );
    let never = Config {
        stall_after: Duration::MAX,
        ..Config::default()
    };
    let written = toml::to_string(&never).unwrap();
    assert_eq!(Config::from_toml(&written, "").unwrap(), never);
}

#[test]
fn a_wrong_file_is_refused_with_line_and_key() {
    for (text, expected) in [
        (
            "\nwindwo = 5",
            "tacho.toml:2: unknown field `windwo`, expected one of `metrics_interval`",
        ),
        (
            "window = \"many\"",
            "tacho.toml:1: invalid type: string \"many\", expected usize",
        ),
        (
            "window = -1",
            "tacho.toml:1: invalid value: integer `-1`, expected usize",
        ),
        (
            "window = 5\nmetrics_interval = \"60 parsecs\"",
            "tacho.toml:2: invalid value: string \"60 parsecs\", expected a duration with its unit such as \"60s\", \
             \"1h 30m\" or \"100ms\" (in the line \"metrics_interval = \\\"60 parsecs\\\"\")",
        ),
        (
            "stall_after = 10",
            "tacho.toml:1: invalid type: integer `10`, expected a duration with its unit",
        ),
        (
            "rotate_bytes = \"huge\"",
            "tacho.toml:1: invalid value: string \"huge\", expected a size",
        ),
        (
            "rotate_bytes = -5",
            "tacho.toml:1: invalid value: integer `-5`, expected a size",
        ),
        ("window", "tacho.toml:1: "),
        ("window = 1\nwindow = 2", "tacho.toml:2: duplicate key"),
        (
            "[targets]\n\ncoreml_inference.p96 = \"< 1s\"",
            "tacho.toml:3: target coreml_inference.p96: unknown statistic \"p96\"; known are avg, min, max, p50, p95, p99",
        ),
        (
            "[targets]\nprocess_memory_mb = 5\n",
            "tacho.toml:2: invalid type: integer `5`, expected a text such as \"< 100ms\" or \"off\" for target process_memory_mb",
        ),
        (
            "targets = 5",
            "tacho.toml:1: invalid type: integer `5`, expected a table of targets",
        ),
    ] {
        let error = refused(text);
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_value_out_of_range_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "window = 5\nmetrics_interval = \"5ms\"",
            "metrics_interval = 5ms (tacho.toml:2) is out of range: it must be 100ms to 24h",
        ),
        (
            "metrics_interval = \"25h\"",
            "metrics_interval = 25h (tacho.toml:1) ",
        ),
        (
            "metrics_interval = \"1s\"\nreduce_interval = \"2s\"",
            "reduce_interval = 2s (tacho.toml:2) is out of range: it must be 1ms to 1s, the metrics_interval",
        ),
        (
            "reduce_interval = \"1us\"",
            "reduce_interval = 1µs (tacho.toml:1)",
        ),
        (
            "window = 0",
            "window = 0 (tacho.toml:1) is out of range: it must be 1 to 1000000",
        ),
        ("window = 1000001", "window = 1000001 "),
        (
            "\"rotate_files\" = 1001",
            "rotate_files = 1001 (tacho.toml:1)",
        ),
        (
            "stall_after = \"0s\"",
            "stall_after = 0s (tacho.toml:1) is out of range: it must be longer than 0s",
        ),
        (
            "log_path = \"\"",
            "log_path = \"\" (tacho.toml:1) is out of range: it must be the path of a file",
        ),
    ] {
        let error = refused(text);
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
    let config = Config {
        window: 0,
        ..Config::default()
    };
    assert_eq!(
        config.validate().unwrap_err().to_string(),
        "window = 0 is out of range: it must be 1 to 1000000"
    );
}

#[test]
fn the_environment_goes_over_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tacho.toml");
    fs::write(&path, "metrics_interval = \"5ms\"\nwindow = 7\n").unwrap();
    let config = load(
        Some(&path),
        &[
            ("HOME", "/root"),
            ("TACHOGRAPH_METRICS_INTERVAL", "2s"),
            ("TACHOGRAPH_REDUCE_INTERVAL", "50ms"),
            ("TACHOGRAPH_STALL_AFTER", "30s"),
            ("TACHOGRAPH_LOG_PATH", "x.json"),
            ("TACHOGRAPH_ROTATE_BYTES", "1 MiB"),
            ("TACHOGRAPH_ROTATE_FILES", " 2 "),
            ("TACHOGRAPH_WINDOW", ""),
        ],
    )
    .unwrap();
    let expected = Config {
        metrics_interval: Duration::from_secs(2),
        reduce_interval: Duration::from_millis(50),
        window: 7,
        stall_after: Duration::from_secs(30),
        log_path: PathBuf::from("x.json"),
        rotate_bytes: 1 << 20,
        rotate_files: 2,
        targets: Targets::default(),
    };
    assert_eq!(config, expected);

    let error = load(Some(&path), &[]).unwrap_err().to_string();
    let expected = format!("metrics_interval = 5ms ({}:1) is out", path.display());
    assert!(error.starts_with(&expected), "{error}");
    let error = load(Some(&folder.path().join("none")), &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot read the configuration "),
        "{error}"
    );
}

#[test]
fn a_wrong_variable_is_refused_with_its_name() {
    for (name, value, expected) in [
        (
            "TACHOGRAPH_WINDWO",
            "5",
            "unknown environment variable TACHOGRAPH_WINDWO; known are TACHOGRAPH_METRICS_INTERVAL, ",
        ),
        (
            "TACHOGRAPH_TARGETS",
            "{}",
            "unknown environment variable TACHOGRAPH_TARGETS (targets can only be set in a file); known are",
        ),
        (
            "TACHOGRAPH_window",
            "5",
            "unknown environment variable TACHOGRAPH_window",
        ),
        (
            "TACHOGRAPH_WINDOW",
            "5.5",
            "TACHOGRAPH_WINDOW: \"5.5\" is not a whole number",
        ),
        (
            "TACHOGRAPH_WINDOW",
            "0",
            "window = 0 (TACHOGRAPH_WINDOW) is out of range: it must be 1 to 1000000",
        ),
        (
            "TACHOGRAPH_STALL_AFTER",
            "10",
            "TACHOGRAPH_STALL_AFTER: \"10\" is not a duration such as",
        ),
        (
            "TACHOGRAPH_ROTATE_BYTES",
            "x",
            "TACHOGRAPH_ROTATE_BYTES: \"x\" is not a size such as",
        ),
    ] {
        let error = load(None, &[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_refused_unless_it_is_a_path() {
    use std::os::unix::ffi::OsStringExt;

    let odd = || OsString::from_vec(vec![b'a', 0xff]);
    let load = |name: &str| Config::load(None, [(OsString::from(name), odd())]);
    let error = load("TACHOGRAPH_WINDOW").unwrap_err().to_string();
    assert!(error.contains("is not UTF-8"), "{error}");
    assert_eq!(load("TACHOGRAPH_LOG_PATH").unwrap().log_path, odd());
}
