//! `tacho report` as its users meet it: on logs that the real collector wrote, and in a real browser.

mod browser;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use browser::{Browser, DESK, PHONE, View};
use serde_json::{Value, json};
use support::{folder, run};
use tachograph::{MetricsCollector, Outcome, Probe, SystemSample, Timer, VirtualTime, metrics};
use tempfile::TempDir;

const LOG: &str = "logs/metrics.json";

/// A machine that is half busy.
#[derive(Debug)]
struct Machine {
    seconds: u32,
}

impl Probe for Machine {
    fn sample(&mut self) -> SystemSample {
        self.seconds += 1;
        SystemSample {
            cpu_percent: Some(50.0),
            memory_used: Some(4 << 30),
            memory_total: Some(16 << 30),
            process_memory: Some(200 << 20),
            process_cpu: Some(Duration::from_millis(100) * self.seconds),
        }
    }
}

/// A collector on a log, with a timer of its own.
fn started(log: &Path, time: &VirtualTime) -> (MetricsCollector, Timer) {
    // A process that another test starts meanwhile has the last collector's lock until it is itself.
    for _ in 0..100 {
        let mut builder = MetricsCollector::builder()
            .log_path(log)
            .quiet()
            .time_source(time.clone())
            .probe(Machine { seconds: 0 });
        let decode = builder.timer("decode").expect("a name");
        if let Ok(collector) = builder.build() {
            return (collector, decode);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no collector on {}", log.display());
}

/// Lets a camera run for so many minutes of virtual time: a frame a second, every tenth with motion, every thirtieth an event. After
/// half of the time a description hangs for 40 s; after three quarters the service dies and is away for 5 minutes.
fn camera(log: &Path, minutes: u64) {
    let time = VirtualTime::new();
    time.advance(Duration::from_hours(500_000));
    let (first, second) = (minutes * 3 / 4, minutes - minutes * 3 / 4);
    for (number, minutes) in [first, second].into_iter().enumerate() {
        let (collector, decode) = started(log, &time);
        let recorder = collector.recorder();
        for second in 0..minutes * 60 {
            let hangs = number == 0 && second == minutes * 40;
            let mut frame = recorder.frame();
            frame.stage(decode);
            time.advance(Duration::from_micros(2000 + second % 7 * 100));
            let mut left = Duration::from_millis(997);
            let outcome = match second % 30 {
                _ if hangs => {
                    frame.motion();
                    frame.stage(metrics::LLM_INFERENCE);
                    for _ in 0..40 {
                        time.advance(Duration::from_secs(1));
                        collector.poll();
                    }
                    Outcome::Failed
                }
                10 => {
                    frame.motion();
                    frame.stage(metrics::COREML_INFERENCE);
                    time.advance(Duration::from_millis(40));
                    Outcome::Motion
                }
                20 => {
                    frame.motion();
                    frame.stage(metrics::COREML_INFERENCE);
                    time.advance(Duration::from_millis(45));
                    frame.stage(metrics::LLM_INFERENCE);
                    time.advance(Duration::from_millis(800 + second % 11 * 10));
                    left = Duration::from_millis(50);
                    Outcome::Event
                }
                _ => Outcome::Idle,
            };
            frame.finish(outcome);
            time.advance(left);
            collector.poll();
        }
        if number == 1 {
            collector.shutdown().expect("the log is written");
        }
        drop(recorder);
        time.advance(Duration::from_mins(5));
    }
}

fn folder_with_log(minutes: u64) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("logs")).expect("made");
    camera(&folder.path().join(LOG), minutes);
    folder
}

/// Makes the report of a folder's log, and returns where it is.
fn report(folder: &TempDir, arguments: &[&str]) -> PathBuf {
    let all: Vec<&str> = ["report"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    let finished = run(folder, &all);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    folder.path().join("report.html")
}

fn page(folder: &TempDir, arguments: &[&str]) -> String {
    fs::read_to_string(report(folder, arguments)).expect("a page")
}

/// What the page's charts are drawn from.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("type=\"application/json\">").expect("data");
    let (json, _) = rest.split_once("</script>").expect("an end");
    serde_json::from_str(json).expect("JSON")
}

/// The charts by their id, each with its series and how many points each has.
fn drawn(status: &Value) -> BTreeMap<String, Vec<(String, u64)>> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let charts = status["charts"].as_array().expect("a list").iter();
    charts
        .map(|chart| {
            let series = chart["series"].as_array().expect("a list").iter();
            let series =
                series.map(|it| (text(&it["name"]), it["points"].as_u64().expect("a count")));
            (text(&chart["id"]), series.collect())
        })
        .collect()
}

fn known(list: &Value) -> u64 {
    let list = list.as_array().expect("a list").iter();
    list.filter(|value| !value.is_null()).count() as u64
}

/// Asserts that each chart of the page has drawn each of its series with all points that the data has, as lines or bars.
fn assert_drawn(browser: &mut Browser, data: &Value) {
    let status = browser.status();
    assert_eq!(status["problems"], json!([]));
    let found = drawn(&status);
    let timers = data["timers"].as_array().expect("a list");
    let mut expected: BTreeSet<String> = ["outcomes", "cpu", "memory", "availability", "slowest"]
        .map(|name| format!("chart-{name}"))
        .into();
    for (index, timer) in timers.iter().enumerate() {
        let bands = &found[&format!("chart-bands-{index}")];
        let names: Vec<(String, u64)> = ["p50", "p95", "max"]
            .map(|name| (name.to_owned(), known(&timer[name])))
            .into();
        assert_eq!(*bands, names, "timer {index}");
        assert!(names.iter().all(|(_, points)| *points > 0), "timer {index}");
        let distribution = &found[&format!("chart-distribution-{index}")];
        let points = known(&timer["distribution"]["ms"]);
        assert_eq!(
            *distribution,
            [("duration".to_owned(), points)],
            "timer {index}"
        );
        expected.extend([
            format!("chart-bands-{index}"),
            format!("chart-distribution-{index}"),
        ]);
    }
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), expected);
    let outcomes = &found["chart-outcomes"];
    assert_eq!(outcomes.len(), 5);
    for (name, points) in outcomes {
        assert_eq!(*points, known(&data["outcomes"][name]), "{name}");
    }
    for (chart, names) in [
        ("cpu", ["cpu", "process_cpu"]),
        ("memory", ["memory", "process_memory"]),
    ] {
        let points: Vec<u64> = found[&format!("chart-{chart}")]
            .iter()
            .map(|(_, points)| *points)
            .collect();
        let machine = &data["machine"];
        assert_eq!(points, names.map(|name| known(&machine[name])), "{chart}");
        assert!(
            points.iter().all(|points| *points > 0),
            "{chart}: {points:?}"
        );
    }
    assert_eq!(
        found["chart-availability"][0].1,
        known(&data["availability"])
    );
    let frames = data["slowest"].as_array().expect("a list").len() as u64;
    assert!(
        frames > 0
            && found["chart-slowest"]
                .iter()
                .all(|(_, points)| *points == frames)
    );
    // Not only do the charts say so: there are lines in the picture, and each chart says what it is to those who do not see it.
    let seen = browser.evaluate(
        "[...document.querySelectorAll('.chart')].map(it => [it.id, it.querySelectorAll('svg path[d]').length, it.ariaLabel.length])",
    );
    for chart in seen.as_array().expect("a list") {
        assert!(chart[1].as_u64() > Some(3), "{chart}");
        assert!(chart[2].as_u64() > Some(20), "{chart}");
    }
    assert_eq!(seen.as_array().map(Vec::len), Some(expected.len()));
}

/// How many colours a picture has, and the one of its upper left corner.
fn colours((_, _, rgb): &(u32, u32, Vec<u8>)) -> (usize, [u8; 3]) {
    let all: BTreeSet<&[u8]> = rgb.chunks_exact(3).collect();
    (all.len(), [rgb[0], rgb[1], rgb[2]])
}

#[test]
fn the_page_draws_all_of_a_real_log_and_loads_nothing() {
    let folder = folder_with_log(60);
    let path = report(&folder, &[]);
    let data = data(&fs::read_to_string(&path).expect("a page"));
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&path, DESK);
    assert_drawn(&mut browser, &data);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let requests = browser.requests();
    assert!(
        requests.len() == 1 && requests[0].ends_with("/report.html"),
        "{requests:?}"
    );
    let picture = browser.screenshot();
    let (count, corner) = colours(&picture);
    assert!(
        picture.1 > 3000 && count > 300,
        "{} high, {count} colours",
        picture.1
    );
    assert!(corner.iter().all(|part| *part > 240), "{corner:?}");
    // The zone is the reader's, and named.
    let lead = browser.evaluate("document.querySelector('header .lead').textContent");
    assert!(
        lead.as_str().expect("text").contains("Asia/Tokyo"),
        "{lead}"
    );
    let first = browser.evaluate("document.querySelector('header time').textContent");
    let there = "new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'medium', timeZone: 'Asia/Tokyo'})\
        .format(new Date(document.querySelector('header time').dateTime))";
    assert_eq!(first, browser.evaluate(there));
    let utc = browser.evaluate(&there.replace("Asia/Tokyo", "UTC"));
    assert_ne!(first, utc);
}

#[test]
fn the_page_follows_the_reader() {
    let folder = folder_with_log(30);
    let path = report(&folder, &[]);
    let data = data(&fs::read_to_string(&path).expect("a page"));
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // A phone: nothing is wider than it.
    browser.open(&path, PHONE);
    assert_drawn(&mut browser, &data);
    let status = browser.status();
    assert_eq!(
        (&status["width"], &status["sideways"]),
        (&json!(360), &json!(0))
    );
    let widest = "Math.max(...[...document.querySelectorAll('.chart svg')].map(it => it.getBoundingClientRect().right))";
    assert!(browser.evaluate(widest).as_f64() <= Some(360.0));
    // Turned to its side, the charts take the room.
    browser.look(View {
        width: 740,
        height: 360,
        ..PHONE
    });
    assert!(browser.evaluate(widest).as_f64() > Some(500.0));
    assert_eq!(browser.status()["sideways"], 0);
    // In the evening, all of it turns dark, also what is drawn already.
    let ink = "document.querySelector('#chart-outcomes svg text').getAttribute('fill')";
    let by_day = browser.evaluate(ink);
    browser.look(View { dark: true, ..DESK });
    assert_ne!(browser.evaluate(ink), by_day);
    let (count, corner) = colours(&browser.screenshot());
    assert!(
        count > 300 && corner.iter().all(|part| *part < 40),
        "{count}, {corner:?}"
    );
    assert_drawn(&mut browser, &data);
    // On paper it is light again, and as wide as the paper.
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.evaluate(ink), by_day);
    assert!(browser.evaluate(widest).as_f64() <= Some(700.0));
    browser.evaluate("dispatchEvent(new Event('afterprint')); new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_ne!(browser.evaluate(ink), by_day);
    let pdf = browser.print();
    assert!(pdf.starts_with(b"%PDF"));
    let pages = pdf
        .windows(11)
        .filter(|bytes| bytes == b"/Type /Page")
        .count();
    assert!((3..=10).contains(&pages), "{pages} pages");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn without_javascript_the_figures_are_there() {
    let folder = folder_with_log(30);
    let path = report(&folder, &[]);
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open_without_scripts(&path);
    let text = browser.evaluate("document.body.innerText");
    let text = text.as_str().expect("text");
    for part in [
        "The charts need JavaScript",
        "UTC",
        "availability",
        "llm_inference",
        "no frame finished",
        "the service did not run",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

/// A line of a log that somebody else wrote, with names that are markup.
fn hostile_line(name: &str) -> String {
    let mut samples =
        hdrhistogram::Histogram::<u64>::new_with_bounds(1000, 3_600_000_000_000, 3).expect("sound");
    samples.record_n(5_000_000, 7).expect("in range");
    let histogram = encoded(&samples);
    let frame = json!({
        "lane": 0, "number": 3, "outcome": name, "event_id": 7, "ms": 20.0, "age_s": 1.0,
        "stages": [{"stage": name, "start_ms": 0.0, "ms": 15.0}],
    });
    let stats =
        json!({"count": 7, "avg": 5.0, "min": 5.0, "max": 5.0, "p50": 5.0, "p95": 5.0, "p99": 5.0});
    let line = json!({
        "timestamp": 1_762_178_460.0, "version": name, "time": name, "sequence": 600, "uptime_seconds": 60.0,
        "observed_seconds": 60.0, "downtime_seconds": 20.0, "frames_processed": 7, "frames_idle": 7,
        "in_flight": [{"stage": name, "for_ms": 20_000.0}],
        "slowest_frames": [frame], "custom": {"counters": {name: 5}, "timers": {name: stats}},
        "histograms": {name: histogram, "llm_inference": "nonsense"},
        "lifetime": {name: {"count": 7, "counted": 7}},
    });
    format!("{line}\n")
}

fn encoded(histogram: &hdrhistogram::Histogram<u64>) -> String {
    use base64::Engine as _;
    use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("written");
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[test]
fn names_from_the_log_stay_text() {
    const NAME: &str = "</script><img src=x onerror=alert(1)><!-- & \" ' ` \u{1b}[31m \u{2028}";
    let folder = folder();
    let log = "<img src=x onerror=alert(2)> & 100%.json";
    fs::write(folder.path().join(log), hostile_line(NAME)).expect("written");
    let finished = run(&folder, &["report", log]);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("line 1: the histogram of llm_inference is skipped"),
        "{}",
        finished.stderr
    );
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&folder.path().join("report.html"), DESK);
    assert_eq!(browser.status()["problems"], json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.requests().len(), 1);
    assert_eq!(
        browser.evaluate("document.images.length + document.querySelectorAll('[onerror]').length"),
        0
    );
    let text = browser.evaluate("document.body.innerText");
    let text = text.as_str().expect("text");
    assert!(text.contains(log), "{text}");
    // In the table of stages, in that of the slowest frames as stage and as outcome, and as what hung.
    let times = text
        .matches("</script><img src=x onerror=alert(1)>")
        .count();
    assert!(times >= 4, "{times} times in {text}");
    // Also in what appears when a chart is pointed at.
    let place = browser.evaluate("(() => { const box = document.getElementById('chart-slowest').getBoundingClientRect(); scrollTo(0, box.top); const now = document.getElementById('chart-slowest').getBoundingClientRect(); return [now.left + now.width / 2, now.top + now.height / 2]; })()");
    let moved = json!({"type": "mouseMoved", "x": place[0], "y": place[1]});
    browser.call("Input.dispatchMouseEvent", &moved);
    browser.evaluate("new Promise(done => setTimeout(done, 200))");
    let tip =
        browser.evaluate("[...document.querySelectorAll('.tip')].map(it => it.textContent).join()");
    assert!(tip.as_str().expect("text").contains("<img src=x"), "{tip}");
    assert_eq!(browser.evaluate("document.images.length"), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

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
fn what_is_torn_old_or_absurd_is_left_out_and_counted() {
    let folder = folder_with_log(5);
    let path = folder.path().join(LOG);
    let whole = fs::read_to_string(&path).expect("a log");
    let absurd = [
        r#"{"timestamp":1e300,"slowest_frames":[{"ms":1e308}]}"#,
        "{}",
        "{\"timestamp\":-5}",
    ]
    .join("\n");
    let torn = whole.get(..whole.len() / 3).expect("ASCII");
    fs::write(&path, format!("{torn}\n{absurd}\n{whole}")).expect("written");
    let finished = run(&folder, &["report"]);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.starts_with("tacho: warning: "),
        "{}",
        finished.stderr
    );
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    let page = fs::read_to_string(folder.path().join("report.html")).expect("a page");
    assert!(
        page.contains("lines could not be read") && page.contains("lines have no possible time")
    );
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&folder.path().join("report.html"), DESK);
    assert_drawn(&mut browser, &data(&page));
    assert_eq!(browser.complaints(), Vec::<String>::new());
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

#[test]
fn numbers_beyond_all_reason_make_a_page() {
    let folder = folder_with_log(20);
    let mut samples =
        hdrhistogram::Histogram::<u64>::new_with_bounds(1000, 3_600_000_000_000, 3).expect("sound");
    samples.record_n(5_000_000, u64::MAX / 2).expect("in range");
    let histogram = encoded(&samples);
    let most = u64::MAX;
    let stage = |ms: f64| json!({"stage": "x", "start_ms": -1e308, "ms": ms});
    let line = |timestamp: f64, size: f64| {
        let frames = [1e308, -5.0, 40.0].map(|ms| {
            json!({"number": most, "ms": ms, "age_s": size, "event_id": most, "stages": [stage(size), stage(-3.0), stage(1.0)]})
        });
        let line = json!({
            "timestamp": timestamp, "sequence": most, "uptime_seconds": size, "observed_seconds": size, "downtime_seconds": size * 10.0,
            "suspended_seconds": size, "frames_processed": most, "frames_idle": most, "frames_failed": most, "events_created": most,
            "motion_detected": most, "cpu_usage_current": size, "process_cpu_usage": -size, "memory_usage_mb": size,
            "process_memory_mb": size, "samples_overwritten": most, "metrics_collection_overhead_percent": size,
            "slowest_frames": frames, "in_flight": [{"stage": "x", "for_ms": size}],
            "histograms": {"x": histogram, "decode": histogram},
        });
        format!("{line}\n")
    };
    let path = folder.path().join(LOG);
    let mut log = fs::read_to_string(&path).expect("a log");
    let newest = support::last_line(&folder)["timestamp"]
        .as_f64()
        .expect("a time");
    for (place, size) in [1e308, 0.0, -1e308, 1e12, 1e-308].into_iter().enumerate() {
        log += &line(newest + 60.0 * (place as f64 + 1.0), size);
    }
    fs::write(&path, log).expect("written");
    let made = report(&folder, &[]);
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&made, DESK);
    assert_eq!(browser.status()["problems"], json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let lead = browser.evaluate("document.querySelector('header .lead').textContent");
    assert!(
        lead.as_str().expect("text").contains(" lines of "),
        "{lead}"
    );
}
