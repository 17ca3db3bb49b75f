//! Logs as no collector writes them: whatever a line claims and however it was damaged, every command that reads logs ends in order.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::camera::Camera;
use support::{folder, run};
use tachograph::VirtualTime;
use tempfile::TempDir;

/// Every command that reads logs.
const COMMANDS: [&[&str]; 8] = [
    &["check", "logs/metrics.json"],
    &["check", "logs/metrics.json", "--last", "2m", "--json"],
    &[
        "compare",
        "logs/metrics.json",
        "good.json",
        "--fail-if",
        "coreml_inference.p95 > +10%",
    ],
    &["tail", "logs/metrics.json", "--all"],
    &[
        "tail",
        "logs/metrics.json",
        "--all",
        "--fields",
        "all",
        "--csv",
    ],
    &[
        "tail",
        "logs/metrics.json",
        "--fields",
        "slowest_frames,decode.p95",
    ],
    &["trace", "logs/metrics.json", "-o", "trace.json"],
    &["report", "logs/metrics.json", "-o", "report.html"],
];

/// Numbers at the ends of what a line can hold, and texts that would steer a terminal, end a script or not be a histogram.
fn odd_values() -> Vec<Value> {
    vec![
        json!(0),
        json!(-1),
        json!(0.5),
        json!(-1e308),
        json!(1e308),
        json!(5e-324),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(2.0_f64.powi(53) + 2.0),
        json!(253_402_300_800_u64),
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!("\u{1b}[2J\u{7}</script><img src=x onerror=alert(1)>\u{202e}"),
        json!("x".repeat(10_000)),
        json!("HISTFAAAACN4nJNpmSzMwMDAzAABUJr5BRC7GexYwGD/ASqzhRUAbz4F8Q=="),
        json!("HISTFAAAAAA="),
        json!("not base64 !"),
    ]
}

struct Random(u64);

impl Random {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64: any order will do, as long as it is the same in every run.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("it was one")
    }
}

/// As many as there shall be with all other tests, or `TACHOGRAPH_ODD_LOGS`.
fn rounds(usual: usize) -> usize {
    let asked = std::env::var("TACHOGRAPH_ODD_LOGS");
    asked.map_or(usual, |asked| asked.parse().expect("a number"))
}

/// Puts an odd value in one place of a line, at any depth.
fn replace_somewhere(value: &mut Value, odd: &Value, random: &mut Random) {
    let inner: Vec<&mut Value> = match value {
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => Vec::new(),
    };
    let count = inner.len();
    match inner.into_iter().nth(random.below(count.max(1))) {
        Some(inner) => replace_somewhere(inner, odd, random),
        None => *value = odd.clone(),
    }
}

/// Damages text as a disk or an editor might.
fn damage(text: &mut Vec<u8>, random: &mut Random) {
    let place = random.below(text.len());
    match random.below(4) {
        0 => text.truncate(place),
        1 => text[place] ^= 1 << random.below(8),
        2 => text.insert(place, b'\n'),
        _ => {
            let end = (place + random.below(5_000)).min(text.len());
            text.drain(place..end);
        }
    }
}

/// A log of five minutes in two runs, as it should be.
fn good_log(folder: &TempDir) -> String {
    let time = VirtualTime::new();
    for minutes in [3, 2] {
        let mut camera = Camera::start(folder, &time);
        camera.minutes(minutes);
        camera.end();
        time.advance(std::time::Duration::from_secs(90));
    }
    fs::read_to_string(folder.path().join("logs/metrics.json")).expect("a log")
}

fn assert_all_end_in_order(folder: &TempDir, what: &str) {
    for command in COMMANDS {
        let done = run(folder, command);
        let context = format!("{what}: {command:?}: {}", done.stderr);
        assert!(matches!(done.code(), Some(0..=3)), "{context}");
        for line in done.stderr.lines() {
            assert!(line.starts_with("tacho: "), "{context}");
            assert!(!line.contains("panicked"), "{context}");
            assert!(!line.chars().any(char::is_control), "{context}");
        }
        assert!(
            !done.stdout.contains('\u{1b}'),
            "{context}: an escape from the log"
        );
    }
}

#[test]
fn whatever_a_line_claims_every_command_ends_in_order() {
    let folder = folder();
    let good = good_log(&folder);
    fs::write(folder.path().join("good.json"), &good).expect("room");
    let lines: Vec<Value> = good
        .lines()
        .map(|line| serde_json::from_str(line).expect("it was just written"))
        .collect();
    let random = &mut Random(0x9e37_79b9_7f4a_7c15);
    for odd in odd_values().into_iter().cycle().take(rounds(20)) {
        let mut lines = lines.clone();
        // Several places at once, in different lines.
        for _ in 0..6 {
            let line = random.below(lines.len());
            replace_somewhere(&mut lines[line], &odd, random);
        }
        let text: Vec<_> = lines.iter().map(Value::to_string).collect();
        let log = folder.path().join("logs/metrics.json");
        fs::write(log, text.join("\n") + "\n").expect("room");
        assert_all_end_in_order(
            &folder,
            &odd.to_string().chars().take(40).collect::<String>(),
        );
    }
}

#[test]
fn however_it_was_damaged_every_command_ends_in_order() {
    let folder = folder();
    let good = good_log(&folder);
    fs::write(folder.path().join("good.json"), &good).expect("room");
    let random = &mut Random(7);
    for round in 0..rounds(12) {
        let mut text = good.clone().into_bytes();
        for _ in 0..=random.below(3) {
            damage(&mut text, random);
        }
        fs::write(folder.path().join("logs/metrics.json"), &text).expect("room");
        assert_all_end_in_order(&folder, &format!("damage {round}"));
    }
}
