//! A checker for the Trace Event Format, after its documented rules: which members each phase needs, of which types, that times
//! ascend, and that the slices of a thread lie within one another. It adds as a plain reader does, without tolerance.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The colours that trace-viewer reserves and that are used here.
const COLORS: [&str; 5] = ["good", "terrible", "grey", "yellow", "generic_work"];
const METADATA: [&str; 4] = [
    "process_name",
    "process_sort_index",
    "thread_name",
    "thread_sort_index",
];

/// A slice and what lies directly within it.
#[derive(Clone, Debug)]
pub struct Slice {
    pub event: Value,
    pub within: Vec<Slice>,
}

impl Slice {
    pub fn name(&self) -> &str {
        self.event["name"].as_str().expect("checked")
    }

    pub fn args(&self) -> &Value {
        &self.event["args"]
    }

    pub fn dur(&self) -> f64 {
        float(&self.event, "dur")
    }

    fn end(&self) -> f64 {
        float(&self.event, "ts") + self.dur()
    }
}

/// A trace that obeys the rules.
#[derive(Debug)]
pub struct Trace {
    pub other_data: Value,
    pub events: Vec<Value>,
    /// The outermost slices by process and thread, in order.
    pub threads: BTreeMap<(u64, u64), Vec<Slice>>,
}

impl Trace {
    /// Reads a trace and panics at the first rule that is broken.
    pub fn check(text: &str) -> Self {
        let mut json: Value = serde_json::from_str(text).expect("JSON");
        assert!(["ms", "ns"].contains(&json["displayTimeUnit"].as_str().expect("a unit")));
        let Value::Array(events) = json["traceEvents"].take() else {
            panic!("no events: {json}");
        };
        let mut last = f64::MIN;
        for event in &events {
            check_event(event);
            if event["ph"] != "M" {
                let ts = float(event, "ts");
                assert!(ts >= last, "{event} is before {last}");
                last = ts;
            }
        }
        check_names(&events);
        Self {
            threads: nest(&events),
            other_data: json["otherData"].take(),
            events,
        }
    }

    /// Events of a phase.
    pub fn of(&self, phase: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event["ph"] == phase)
    }

    /// All frames.
    pub fn frames(&self) -> Vec<&Slice> {
        self.threads.values().flatten().collect()
    }

    /// What processes, or threads, are called.
    pub fn names(&self, what: &str) -> Vec<&str> {
        let named = self.of("M").filter(|event| event["name"] == what);
        named
            .map(|event| event["args"]["name"].as_str().expect("checked"))
            .collect()
    }
}

fn float(event: &Value, name: &str) -> f64 {
    let number = event[name].as_f64();
    number.unwrap_or_else(|| panic!("no {name} in {event}"))
}

fn check_event(event: &Value) {
    let text = |name: &str| {
        event[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {event}"))
    };
    assert!(!text("name").is_empty() || text("ph") == "X", "{event}");
    assert!(event["pid"].is_u64(), "{event}");
    let needs_thread = match text("ph") {
        "X" => {
            assert!(
                float(event, "ts") >= 0.0 && float(event, "dur") >= 0.0,
                "{event}"
            );
            true
        }
        "i" => {
            assert!(float(event, "ts") >= 0.0, "{event}");
            assert!(["g", "p", "t"].contains(&text("s")), "{event}");
            text("s") == "t"
        }
        "C" => {
            assert!(float(event, "ts") >= 0.0, "{event}");
            let series = event["args"].as_object().expect("series");
            assert!(
                !series.is_empty() && series.values().all(Value::is_number),
                "{event}"
            );
            false
        }
        "M" => {
            assert!(METADATA.contains(&text("name")), "{event}");
            let args = &event["args"];
            assert!(
                args["name"].is_string() || args["sort_index"].is_i64(),
                "{event}"
            );
            text("name").starts_with("thread")
        }
        other => panic!("unknown phase {other}"),
    };
    assert!(!needs_thread || event["tid"].is_u64(), "{event}");
    if let Some(color) = event.get("cname") {
        assert!(COLORS.iter().any(|known| color == known), "{event}");
    }
}

/// Every process and thread that has events has a name, and just one.
fn check_names(events: &[Value]) {
    let mut named = BTreeSet::new();
    for event in events.iter().filter(|event| event["ph"] == "M") {
        let what = event["name"].as_str().expect("checked").to_owned();
        let whose = (what, event["pid"].as_u64(), event["tid"].as_u64());
        assert!(named.insert(whose), "twice: {event}");
    }
    for event in events.iter().filter(|event| event["ph"] != "M") {
        let (pid, tid) = (event["pid"].as_u64(), event["tid"].as_u64());
        assert!(
            named.contains(&("process_name".to_owned(), pid, None)),
            "{event}"
        );
        assert!(
            tid.is_none() || named.contains(&("thread_name".to_owned(), pid, tid)),
            "{event}"
        );
    }
}

fn nest(events: &[Value]) -> BTreeMap<(u64, u64), Vec<Slice>> {
    let mut threads: BTreeMap<_, (Vec<Slice>, Vec<Slice>)> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] == "X") {
        let thread = (
            event["pid"].as_u64().expect("checked"),
            event["tid"].as_u64().expect("checked"),
        );
        let (done, open) = threads.entry(thread).or_default();
        let start = float(event, "ts");
        while open
            .last()
            .is_some_and(|outer| outer.end() <= start && outer.dur() > 0.0)
        {
            close(done, open);
        }
        // One without length ends before the next begins, too.
        while open.last().is_some_and(|outer| outer.dur() == 0.0) {
            close(done, open);
        }
        let slice = Slice {
            event: event.clone(),
            within: Vec::new(),
        };
        if let Some(outer) = open.last() {
            assert!(
                slice.end() <= outer.end(),
                "{event} sticks out of {}",
                outer.event
            );
        }
        open.push(slice);
    }
    let close_all = |(mut done, mut open): (Vec<Slice>, Vec<Slice>)| {
        while !open.is_empty() {
            close(&mut done, &mut open);
        }
        done
    };
    threads
        .into_iter()
        .map(|(thread, slices)| (thread, close_all(slices)))
        .collect()
}

fn close(done: &mut Vec<Slice>, open: &mut Vec<Slice>) {
    let slice = open.pop().expect("one is open");
    match open.last_mut() {
        Some(outer) => outer.within.push(slice),
        None => done.push(slice),
    }
}
