//! The examples of the documentation: each is run on the log of a real run, and must print what the documentation says, in form.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{folder_with, has, model, run, skipped, video};
use tempfile::TempDir;

/// A fenced example and the output that follows it in a fence of its own.
struct Example {
    language: String,
    code: String,
    output: Option<String>,
}

fn examples(document: &str) -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(document);
    let text = fs::read_to_string(path).expect("the document");
    let mut examples: Vec<Example> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let code = code.join("\n");
        match (language, examples.last_mut()) {
            ("text", Some(example)) if example.output.is_none() => example.output = Some(code),
            _ => examples.push(Example {
                language: language.to_owned(),
                code,
                output: None,
            }),
        }
    }
    examples
}

/// Two runs with a second between them, in which a model that never answers makes events slow.
fn logs() -> TempDir {
    // Ten frames between the squares, each of them elsewhere.
    let squares = [(0, 30..45), (60, 60..75), (120, 90..105)];
    let folder = folder_with(&video(120, &squares));
    let url = model(None);
    for seed in ["1", "2"] {
        let done = run(
            &folder,
            &[
                "run",
                "--input",
                "input.y4m",
                "--fps",
                "60",
                "--quiet",
                "--metrics-interval",
                "250ms",
                "--llm-url",
                &url,
                "--llm-model",
                "m",
                "--llm-timeout",
                "300ms",
            ],
        );
        assert_eq!(done.code(), Some(0), "{}", done.stderr);
        if seed == "1" {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
    folder
}

/// What stands in a column or a member, in all lines together. Nothing is of every kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shape {
    kinds: BTreeSet<Kind>,
    members: BTreeMap<String, Shape>,
    items: Option<Box<Shape>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Number,
    Time,
    Text,
}

impl Shape {
    fn add(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Number(_) => drop(self.kinds.insert(Kind::Number)),
            Value::Bool(_) => drop(self.kinds.insert(Kind::Text)),
            Value::String(text) => drop(self.kinds.insert(kind(text))),
            Value::Array(items) => {
                let shape = self.items.get_or_insert_default();
                items.iter().for_each(|item| shape.add(item));
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.members.entry(name.clone()).or_default().add(value);
                }
            }
        }
    }
}

/// The form of an output: that of each column.
fn form(output: &str) -> Vec<Shape> {
    let mut columns: Vec<Shape> = Vec::new();
    for (index, line) in output.lines().enumerate() {
        let cells = cells(line);
        if index == 0 {
            columns.resize(cells.len(), Shape::default());
        }
        assert_eq!(
            cells.len(),
            columns.len(),
            "{line:?} has another number of columns"
        );
        for (column, cell) in columns.iter_mut().zip(cells) {
            match serde_json::from_str::<Value>(cell) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => column.add(&value),
                _ if cell.is_empty() || cell == "-" => {}
                _ => column.add(&cell.into()),
            }
        }
    }
    columns
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.trim_matches(' ');
    if line.starts_with('{') {
        vec![line]
    } else if line.contains('\t') {
        line.split('\t').collect()
    } else if line.contains("  ") {
        line.split("  ")
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .collect()
    } else {
        line.split(',').collect()
    }
}

fn kind(text: &str) -> Kind {
    let is_digit_at = |place: usize| text.as_bytes().get(place).is_some_and(u8::is_ascii_digit);
    if text.parse::<f64>().is_ok() {
        Kind::Number
    } else if is_digit_at(3) && text.get(4..5) == Some("-") && is_digit_at(6) {
        Kind::Time
    } else {
        Kind::Text
    }
}

/// Runs an example; `None` if there is no program for it.
fn print(example: &Example, folder: &TempDir) -> Option<String> {
    let mut command = match example.language.as_str() {
        "sh" => {
            let mut command = Command::new("bash");
            command.args(["-euo", "pipefail", "-c"]);
            command
        }
        "python" => {
            let mut command = Command::new("python3");
            command.arg("-c");
            command
        }
        other => panic!("nothing runs {other}: {}", example.code),
    };
    let tacho = Path::new(env!("CARGO_BIN_EXE_tacho"))
        .parent()
        .expect("a folder");
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(tacho.to_owned()).chain(env::split_paths(&path));
    let output = command
        .arg(&example.code)
        .env("PATH", env::join_paths(paths).expect("a path"))
        .current_dir(folder.path())
        .output()
        .ok()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stderr.is_empty(),
        "{}\n{stderr}",
        example.code
    );
    let stdout = String::from_utf8(output.stdout).expect("text");
    Some(stdout.replace("\r\n", "\n"))
}

/// Whether everything that an example needs is here. Of what few machines have, its absence is no failure.
fn can_run(example: &Example) -> bool {
    let code = &example.code;
    if code.contains("duckdb") && Command::new("duckdb").arg("--version").output().is_err() {
        eprintln!("not run, because there is no duckdb: {code}");
        return false;
    }
    if code.contains("hdrh") {
        let import = Command::new("python3").args(["-c", "import hdrh"]).output();
        if !import.is_ok_and(|it| it.status.success()) {
            eprintln!("not run, because python3 has no hdrhistogram: {code}");
            return false;
        }
    }
    let programs = ["jq", "sqlite3"];
    let needed = programs.iter().filter(|program| code.contains(*program));
    needed.copied().all(|program| has(program, "an example")) && has_language(&example.language)
}

fn has_language(language: &str) -> bool {
    has(
        if language == "sh" { "bash" } else { "python3" },
        "an example",
    )
}

#[test]
fn every_example_prints_what_its_document_shows() {
    let folder = logs();
    let examples = examples("reading-logs.md");
    let (shown, others): (Vec<_>, Vec<_>) = examples.iter().partition(|it| it.output.is_some());
    assert!(shown.len() >= 20, "only {} examples", shown.len());
    for example in others {
        assert_eq!(
            example.language, "sh no-run",
            "what does it print? {}",
            example.code
        );
    }
    let mut ran = 0;
    for example in shown {
        if !can_run(example) {
            continue;
        }
        let Some(printed) = print(example, &folder) else {
            skipped(&example.code);
            continue;
        };
        let promised = example.output.as_deref().expect("one with output");
        compare(example, &printed, promised);
        ran += 1;
    }
    eprintln!("{ran} examples ran");
    let known = known_members(&folder);
    for example in examples.iter().filter(|it| it.language == "sh") {
        for name in members(&example.code) {
            // Or the program has made it itself.
            let is_made = example.code.contains(&format!("{name}: "));
            assert!(
                is_made || known.contains(name),
                "nothing has .{name}: {}",
                example.code
            );
        }
    }
}

/// What the parts of the newest sentence are about.
fn parts(text: &str) -> Vec<&str> {
    let line = text.lines().last().expect("a line");
    let parts = line.split(" | ").skip(1);
    parts.filter_map(|part| part.split(' ').next()).collect()
}

/// The members that a jq program reads: what follows a point.
fn members(code: &str) -> BTreeSet<&str> {
    let program = code
        .split_once("jq ")
        .and_then(|(_, rest)| rest.split('\'').nth(1));
    let points = program.unwrap_or_default().split('.').skip(1);
    points
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// All names that occur in what was logged, or traced.
fn known_members(folder: &TempDir) -> BTreeSet<String> {
    fn add(names: &mut BTreeSet<String>, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| add(names, item)),
            Value::Object(members) => {
                for (name, value) in members {
                    names.insert(name.clone());
                    add(names, value);
                }
            }
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    for name in [
        "logs/metrics.json",
        "logs/metrics.latest.json",
        "logs/events.jsonl",
        "trace.json",
    ] {
        let text = fs::read_to_string(folder.path().join(name)).expect("it was written");
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            add(&mut names, &value.expect("JSON"));
        }
    }
    names
}

fn compare(example: &Example, printed: &str, promised: &str) {
    let code = &example.code;
    // With `--nocapture`: what the document may show.
    eprintln!(
        "```{}\n{code}\n```\n```text\n{printed}```\n",
        example.language
    );
    assert!(!printed.trim().is_empty(), "prints nothing:\n{code}");
    if code.starts_with("tacho tail -n") && !code.contains("--fields") {
        // A sentence: its parts must be the same, whatever their numbers.
        assert_eq!(parts(printed), parts(promised), "{printed}");
        return;
    }
    if code.starts_with("tacho trace -o trace") {
        let digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        assert_eq!(digits(printed.trim()), digits(promised));
        return;
    }
    let has_header = code.contains("--fields")
        && !code.contains("--json")
        && code.starts_with("tacho tail")
        && !code.contains("sqlite3");
    let (printed, promised) = if has_header {
        let (header, rows) = printed.split_once('\n').expect("a header");
        let (expected, expected_rows) = promised.split_once('\n').expect("a header");
        assert_eq!(header.trim_end(), expected.trim_end(), "{code}");
        (rows, expected_rows)
    } else {
        (printed, promised)
    };
    assert_eq!(form(printed), form(promised), "{code}\nprints\n{printed}");
}

/// The Python of the other document, where what it needs is installed.
#[test]
fn the_histograms_of_the_log_format_are_what_they_are_said_to_be() {
    let folder = logs();
    let python = examples("log-format.md");
    let python: Vec<_> = python.iter().filter(|it| it.language == "python").collect();
    assert_eq!(python.len(), 1);
    if can_run(python[0]) {
        let printed = print(python[0], &folder).expect("it runs");
        let (number, unit) = printed
            .trim()
            .split_once(' ')
            .expect("a number and its unit");
        assert!(
            number.parse::<f64>().is_ok_and(|number| number > 0.0),
            "{printed}"
        );
        assert_eq!(unit, "ms");
    }
}
