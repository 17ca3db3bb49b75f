//! The page of `tacho report` in a real browser.

mod browser;
#[path = "support/day.rs"]
mod day;
#[path = "support/machine.rs"]
mod machine;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use browser::{Browser, DESK, PHONE, View};
use day::{LOG, data, folder_with_log, report};
use serde_json::{Value, json};
use support::{folder, run};

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
