//! `tacho report` as its users meet it, on logs that the real collector wrote. What becomes of the page: `report_in_browser.rs`.

#[path = "support/day.rs"]
mod day;
#[path = "support/machine.rs"]
mod machine;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use day::{LOG, data, folder_with_log, page};
use serde_json::{Value, json};
use support::{folder, run};

#[test]
fn the_figures_are_those_of_the_log() {
    let folder = folder_with_log(60);
    let page = page(&folder, &["--last", "7d"]);
    let data = data(&page);
    // 61 minutes of frames, less the 40 that were missed while one hung, which was at the half of 45 minutes.
    for part in [
        "of 2 runs",
        "<td>event</td>",
        "no frame finished; llm_inference was running",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    let kinds: Vec<&Value> = data["interruptions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["stall", "outage"]);
    // Within the outage nothing is drawn, and before and after it something is.
    let times: Vec<f64> = data["time"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    let outage = &data["interruptions"][1];
    let [from, to] = ["from", "to"].map(|name| outage[name].as_f64().expect("a time"));
    assert!((to - from - 300.0).abs() < 61.0, "{from} to {to}");
    let inside: Vec<usize> = (0..times.len())
        .filter(|at| times[*at] > from + 60.0 && times[*at] < to - 60.0)
        .collect();
    assert!(!inside.is_empty());
    for list in ["availability", "outcomes"] {
        let list = if list == "outcomes" {
            &data["outcomes"]["idle"]
        } else {
            &data[list]
        };
        assert_eq!(list.as_array().map(Vec::len), Some(times.len()));
        assert!(inside.iter().all(|at| list[*at].is_null()), "{list}");
    }
    // The slowest is the one that hung, once, although it stands in many lines.
    let slowest = data["slowest"].as_array().expect("a list");
    let took: Vec<f64> = slowest
        .iter()
        .filter_map(|frame| frame["ms"].as_f64())
        .collect();
    assert!(
        (took[0] - 40_002.0).abs() < 10.0 && took[1] < 1000.0 && took.is_sorted_by(|a, b| a >= b),
        "{took:?}"
    );
    let numbers: BTreeSet<String> = slowest
        .iter()
        .map(|frame| frame["start"].to_string())
        .collect();
    assert_eq!(numbers.len(), slowest.len(), "each frame once");
}

#[test]
fn the_last_part_of_a_log_is_a_report_of_its_own() {
    let folder = folder_with_log(60);
    let page = page(&folder, &[LOG, "--last", "10m"]);
    assert!(
        page.contains("lines of 1 run"),
        "{}",
        page.split("</header>").next().unwrap_or_default()
    );
    let data = data(&page);
    let [start, end] = ["start", "end"].map(|name| data[name].as_f64().expect("a time"));
    assert!((end - start - 600.0).abs() < 61.0, "{start} to {end}");
    assert_eq!(data["interruptions"], json!([]));
}

#[test]
fn a_page_is_replaced_whole_or_not_at_all() {
    let folder = folder_with_log(5);
    fs::write(folder.path().join("report.html"), "old").expect("written");
    assert!(page(&folder, &[]).ends_with("</html>"));
    let left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|it| it.expect("an entry").file_name())
        .collect();
    assert_eq!(left.len(), 2, "nothing is left behind: {left:?}");
    let nowhere = run(&folder, &["report", "-o", "missing/report.html"]);
    assert_eq!(nowhere.code(), Some(1));
    assert!(
        nowhere.sentence().contains("missing/report.html"),
        "{}",
        nowhere.stderr
    );
    let onto_folder = run(&folder, &["report", "-o", "logs"]);
    assert_eq!(onto_folder.code(), Some(1));
    assert!(
        onto_folder.sentence().contains("logs"),
        "{}",
        onto_folder.stderr
    );
}

#[test]
fn standard_output_takes_the_page() {
    let folder = folder_with_log(5);
    let finished = run(&folder, &["report", "-o", "-"]);
    assert_eq!((finished.code(), finished.stderr.as_str()), (Some(0), ""));
    assert!(finished.stdout.starts_with("<!DOCTYPE html>") && finished.stdout.ends_with("</html>"));
    assert!(!folder.path().join("report.html").exists());
    // A reader that has seen enough is no error.
    let mut child = Command::new(env!("CARGO_BIN_EXE_tacho"))
        .args(["report", "-o", "-"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn a_log_that_says_nothing_is_one_sentence() {
    let folder = folder();
    fs::write(folder.path().join("empty.json"), "").expect("written");
    fs::write(folder.path().join("foreign.json"), "hello\nworld\n").expect("written");
    for (log, said) in [
        ("missing.json", "no log at missing.json"),
        ("empty.json", "nothing is logged in empty.json yet"),
        ("foreign.json", "line 1"),
    ] {
        let finished = run(&folder, &["report", log]);
        assert_eq!(finished.code(), Some(2), "{log}");
        assert!(finished.sentence().contains(said), "{}", finished.stderr);
        assert!(!folder.path().join("report.html").exists());
    }
}

#[test]
fn targets_are_judged_as_check_judges_them() {
    let folder = folder_with_log(30);
    let targets = "[targets]\ncoreml_inference.p95 = \"< 20ms\"\ndecode.max = \"< 1s\"\nprocess_memory_mb = \"off\"\n";
    fs::write(folder.path().join("tacho.toml"), targets).expect("written");
    let checked = run(&folder, &["check", "--targets", "tacho.toml", "--json"]);
    let checked: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    let page = page(&folder, &["--targets", "tacho.toml"]);
    let all = checked["targets"].as_array().expect("a list");
    let (_, table) = page.split_once("<h2>Targets</h2>").expect("a table");
    let (table, _) = table.split_once("</table>").expect("an end");
    let table = table.replace("<wbr>", "");
    assert_eq!(table.matches("<tr>").count(), all.len() + 1);
    let mut seen = BTreeSet::new();
    for target in all {
        let row = table
            .split("<tr>")
            .find(|row| row.contains(target["target"].as_str().expect("a name")));
        let verdict = target["verdict"]
            .as_str()
            .expect("a word")
            .replace('_', " ");
        assert!(
            row.is_some_and(|row| row.contains(&verdict)),
            "{target} is not so in {row:?}"
        );
        seen.insert(verdict);
    }
    assert!(seen.contains("pass") && seen.contains("fail"), "{seen:?}");
    assert!(!table.contains("process_memory_mb"));
    // The chart of the timer has the limit in it.
    let limits: Vec<Value> = data(&page)["timers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["limits"].clone())
        .collect();
    assert!(
        limits.contains(&json!([{"text": "p95 <20ms", "ms": 20.0}])),
        "{limits:?}"
    );
    let wrong = run(&folder, &["report", "--targets", "missing.toml"]);
    assert_eq!(wrong.code(), Some(2));
    assert!(
        wrong.sentence().contains("missing.toml"),
        "{}",
        wrong.stderr
    );
}
