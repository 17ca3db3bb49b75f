//! Which fields of a line are shown: their names, and what a line has under them.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use tachograph::{MetricsSnapshot, format};

/// How alike two names are to be the same but for a slip, from 0 to 1.
const ALIKE: f64 = 0.8;
/// Names that are proposed at most.
const PROPOSED: usize = 3;

/// Why a field was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FieldError {
    /// No line has it.
    #[error(
        "unknown field {:?}{}; `tacho tail --fields all` shows what there is",
        format::clean(name),
        proposal(alike)
    )]
    Unknown {
        /// The name that was refused.
        name: String,
        /// Names that may have been meant, the likeliest first.
        alike: Vec<String>,
    },
}

fn proposal(alike: &[String]) -> String {
    match alike {
        [] => String::new(),
        names => format!(" (near it are {})", format::clean(&names.join(", "))),
    }
}

/// The fields that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Every field that is a number, a text or yes or no.
    All,
    /// These.
    Named(Vec<Field>),
}

/// A field by its name, and where it may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// As it was asked for.
    pub(crate) name: String,
    /// The ways to it from the top of a line; the first that leads somewhere counts.
    ways: Vec<Vec<String>>,
}

impl Field {
    /// Understands JSON names (`coreml_inference_p95`), dotted ones (`custom.counters.frames_dropped`), and metrics as targets
    /// name them: `coreml_inference.p95`, `decode.p95` for a timer of one's own, `rtsp_reconnects` for a counter.
    fn new(name: &str) -> Self {
        let way = |steps: &[&str]| steps.iter().map(ToString::to_string).collect();
        let dotted: Vec<&str> = name.split('.').collect();
        let mut ways = vec![way(&[name]), way(&dotted)];
        match dotted[..] {
            [counter] => ways.push(way(&["custom", "counters", counter])),
            [timer, statistic] => {
                ways.push(vec![format!("{timer}_{statistic}")]);
                ways.push(way(&["custom", "timers", timer, statistic]));
            }
            _ => {}
        }
        Self {
            name: name.to_owned(),
            ways,
        }
    }

    /// What a line has under this name; `None` if it has no such field.
    pub(crate) fn of<'a>(&self, line: &'a Value) -> Option<&'a Value> {
        self.ways.iter().find_map(|way| {
            way.iter().try_fold(line, |value, step| match value {
                Value::Array(items) => items.get(step.parse::<usize>().ok()?),
                value => value.get(step),
            })
        })
    }
}

/// Reads a list such as `time,coreml_inference.p95`.
impl std::str::FromStr for Selection {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let names: Vec<&str> = list.split(',').map(str::trim).collect();
        if names.contains(&"") {
            return Err("a name is missing between the commas".to_owned());
        }
        match names[..] {
            ["all"] => Ok(Self::All),
            _ => Ok(Self::Named(names.into_iter().map(Field::new).collect())),
        }
    }
}

impl Selection {
    /// The fields themselves; of a line that shows what there is.
    pub(crate) fn fields(&self, line: &MetricsSnapshot) -> Vec<Field> {
        match self {
            Self::All => names(line).iter().map(|name| Field::new(name)).collect(),
            Self::Named(fields) => fields.clone(),
        }
    }

    /// Fails if a field is in none of the lines.
    pub(crate) fn check(
        &self,
        lines: impl Iterator<Item = MetricsSnapshot>,
    ) -> Result<(), FieldError> {
        let Self::Named(fields) = self else {
            return Ok(());
        };
        let mut missing: Vec<&Field> = fields.iter().collect();
        let mut known = BTreeSet::new();
        for line in lines {
            let value = value(&line, fields);
            missing.retain(|field| field.of(&value).is_none());
            if missing.is_empty() {
                return Ok(());
            }
            known.extend(names(&line));
        }
        match missing.first() {
            // Nothing is known of a log without lines.
            Some(field) if !known.is_empty() => Err(unknown(&field.name, &known)),
            _ => Ok(()),
        }
    }
}

fn unknown(name: &str, known: &BTreeSet<String>) -> FieldError {
    let short = known.iter().filter_map(|name| name.strip_prefix("custom."));
    let short = short.filter_map(|name| name.split_once('.').map(|(_, metric)| metric));
    let mut alike: Vec<(f64, &str)> = known
        .iter()
        .map(String::as_str)
        .chain(short)
        .map(|other| (strsim::jaro_winkler(name, other), other))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    let alike = alike.into_iter().map(|(_, name)| name.to_owned());
    FieldError::Unknown {
        name: name.to_owned(),
        alike: alike.take(PROPOSED).collect(),
    }
}

/// A line as JSON, without what is large and not asked for.
pub(crate) fn value(line: &MetricsSnapshot, fields: &[Field]) -> Value {
    let first = |field: &Field| field.name.split('.').next() == Some("histograms");
    if line.histograms.is_empty() || fields.iter().any(first) {
        return serde_json::to_value(line).unwrap_or_default();
    }
    let mut line = line.clone();
    line.histograms.clear();
    serde_json::to_value(line).unwrap_or_default()
}

/// The names of all fields of a line that hold a single value, in the order of the line.
fn names(line: &MetricsSnapshot) -> Vec<String> {
    let value = value(line, &[]);
    let ordered = serde_json::to_string(line)
        .and_then(|text| serde_json::from_str::<Keys>(&text))
        .map_or_else(|_| Vec::new(), |keys| keys.0);
    let mut names = Vec::new();
    for name in ordered {
        if let Some(value) = value.get(&name) {
            add_names(&mut names, name, value);
        }
    }
    names
}

fn add_names(names: &mut Vec<String>, name: String, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                add_names(names, format!("{name}.{inner}"), value);
            }
        }
        Value::Array(_) => {}
        _ => names.push(name),
    }
}

/// The names of an object in the order in which they stand there, which a [`Value`] does not keep.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tachograph::{Custom, TimerStats};

    fn line() -> MetricsSnapshot {
        let stats = TimerStats {
            count: 1,
            p95: 4.5,
            ..TimerStats::default()
        };
        MetricsSnapshot {
            timestamp: 12.5,
            coreml_inference: stats,
            custom: Custom {
                counters: [("frames_dropped".into(), 7)].into(),
                timers: [("decode".into(), stats)].into(),
            },
            ..MetricsSnapshot::default()
        }
    }

    fn read(name: &str) -> Option<Value> {
        let field = Field::new(name);
        field
            .of(&value(&line(), std::slice::from_ref(&field)))
            .cloned()
    }

    #[test]
    fn a_field_has_several_spellings() {
        for (name, expected) in [
            ("timestamp", 12.5),
            ("coreml_inference_p95", 4.5),
            ("coreml_inference.p95", 4.5),
            ("custom.timers.decode.p95", 4.5),
            ("decode.p95", 4.5),
        ] {
            assert_eq!(read(name), Some(expected.into()), "{name}");
        }
        for name in ["custom.counters.frames_dropped", "frames_dropped"] {
            assert_eq!(read(name), Some(7.into()), "{name}");
        }
        assert_eq!(read("llm_inference.p95"), Some(Value::Null));
        assert_eq!(read("in_flight"), Some(serde_json::json!([])));
        assert_eq!(read("in_flight.0.stage"), None);
        assert_eq!(read("decode"), None);
        assert_eq!(read("."), None);
    }

    #[test]
    fn all_has_every_single_value_in_the_order_of_a_line() {
        let names = names(&line());
        assert_eq!(names[..2], ["timestamp", "time"]);
        let at = |name: &str| names.iter().position(|it| it == name);
        assert!(at("coreml_inference_avg") < at("coreml_inference_count"));
        assert!(at("log_errors") < at("custom.counters.frames_dropped"));
        assert!(at("custom.timers.decode.p95").is_some());
        assert_eq!(at("in_flight"), None);
    }

    #[test]
    fn a_slip_is_told_with_what_was_meant() {
        let check = |list: &str| {
            let selection: Selection = list.parse().expect("a list");
            selection.check(std::iter::once(line()))
        };
        assert!(check("time, frames_dropped").is_ok());
        for (wrong, meant) in [
            ("frames_procesed", "frames_processed"),
            ("time,coreml_inference.p59", "coreml_inference_p95"),
            ("decode.p96", "decode.p95"),
            ("frame_dropped", "frames_dropped"),
        ] {
            let error = check(wrong).expect_err(wrong).to_string();
            assert!(error.contains(meant), "{error}");
        }
        let error = check("\u{1b}[2Jx").expect_err("unknown").to_string();
        assert!(!error.contains(char::is_control), "{error}");
        assert!("a,,b".parse::<Selection>().is_err());
    }
}
