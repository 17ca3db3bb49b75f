//! Targets from text and back, one by one and as the `[targets]` table of a configuration.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::config::{parse_duration, split_unit};

use super::number::{self, Unit};
use super::{Limit, Statistic, Target, TargetError, Targets, is_built_in_timer};

/// What takes a target away.
const OFF: &str = "off";

/// `coreml_inference.p95` or, as the log has it, `coreml_inference_p95`: both are the timer and its statistic.
pub(super) fn parse_name(name: &str) -> Result<(&str, Option<Statistic>), TargetError> {
    if let Some((metric, statistic)) = name.split_once('.') {
        return Ok((metric, Some(parse_statistic(metric, statistic)?)));
    }
    let flat = name.rsplit_once('_').and_then(|(metric, statistic)| {
        let statistic = Statistic::from_name(statistic)?;
        is_built_in_timer(metric).then_some((metric, Some(statistic)))
    });
    Ok(flat.unwrap_or((name, None)))
}

pub(super) fn join_name(metric: &str, statistic: Option<Statistic>) -> String {
    match statistic {
        Some(statistic) => format!("{metric}.{statistic}"),
        None => metric.to_owned(),
    }
}

fn parse_statistic(metric: &str, statistic: &str) -> Result<Statistic, TargetError> {
    Statistic::from_name(statistic).ok_or_else(|| TargetError::UnknownStatistic {
        metric: metric.to_owned(),
        statistic: statistic.to_owned(),
    })
}

/// What a metric is measured in. Without a schema, what is not built in is a timer if it has a statistic, else a counter.
pub(super) fn unit_of(metric: &str, statistic: Option<Statistic>) -> Unit {
    match statistic {
        Some(_) => Unit::Millis,
        None => number::number(metric).map_or(Unit::Count, |number| number.unit),
    }
}

pub(super) fn parse_target(
    metric: &str,
    statistic: Option<Statistic>,
    limit: &str,
) -> Result<Target, TargetError> {
    match statistic {
        None if is_built_in_timer(metric) => Err(TargetError::StatisticMissing {
            metric: metric.to_owned(),
        }),
        Some(statistic) if number::number(metric).is_some() => Err(TargetError::NotATimer {
            metric: metric.to_owned(),
            statistic,
        }),
        _ => {
            let unit = unit_of(metric, statistic);
            let limit = parse_limit(limit, unit).ok_or_else(|| TargetError::BadLimit {
                target: join_name(metric, statistic),
                limit: limit.to_owned(),
                example: example(unit),
            })?;
            Ok(Target {
                metric: metric.to_owned(),
                statistic,
                limit,
            })
        }
    }
}

const fn example(unit: Unit) -> &'static str {
    match unit {
        Unit::Millis => "100ms",
        Unit::Seconds => "60s",
        Unit::Percent => "50%",
        Unit::Mebibytes | Unit::Gibibytes => "2GB",
        Unit::Count => "10",
    }
}

/// `< 100ms`, `> 99%`; `<=` and `>=` mean the same, because the limit itself is always allowed.
fn parse_limit(text: &str, unit: Unit) -> Option<Limit> {
    let text = text.trim();
    let (side, rest): (fn(f64) -> Limit, _) = match text.strip_prefix('<') {
        Some(rest) => (Limit::Below, rest),
        None => (Limit::Above, text.strip_prefix('>')?),
    };
    let amount = rest.strip_prefix('=').unwrap_or(rest).trim();
    let value = parse_amount(amount, unit)?;
    (value.is_finite() && value >= 0.0).then(|| side(value))
}

fn parse_amount(text: &str, unit: Unit) -> Option<f64> {
    let single = split_unit(text).and_then(|(number, suffix)| {
        let mut spellings = unit.spellings().iter();
        let (_, factor) = spellings.find(|(name, _)| name.eq_ignore_ascii_case(suffix))?;
        Some(number * factor)
    });
    // "1m 30s" has two units, "3 seconds" a long one.
    single.or_else(|| match unit {
        Unit::Millis => Some(parse_duration(text).ok()?.as_secs_f64() * 1e3),
        Unit::Seconds => Some(parse_duration(text).ok()?.as_secs_f64()),
        _ => None,
    })
}

/// A limit as [`parse_limit`] reads it.
pub(super) fn format_limit(limit: Limit, unit: Unit) -> String {
    let name = unit.spellings().first().map_or("", |(name, _)| name);
    let side = match limit {
        Limit::Below(_) => '<',
        Limit::Above(_) => '>',
    };
    format!("{side} {}{name}", limit.value())
}

/// The defaults, with what the table says over them.
impl<'de> Deserialize<'de> for Targets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Targets;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of targets such as coreml_inference.p95 = \"< 100ms\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Targets, A::Error> {
        let mut targets = Targets::default();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Entry {
                targets: &mut targets,
                name: &name,
                nested: false,
            })?;
        }
        Ok(targets)
    }
}

/// The value of one key: a limit, or a table of limits by statistic. Errors raised in here carry its line.
struct Entry<'a> {
    targets: &'a mut Targets,
    name: &'a str,
    nested: bool,
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        write!(f, "a text such as \"< 100ms\" or \"off\" for target {name}")
    }

    fn visit_str<E: Error>(self, limit: &str) -> Result<(), E> {
        let (metric, statistic) = parse_name(self.name).map_err(E::custom)?;
        if limit.trim() == OFF {
            self.targets.remove(metric, statistic);
        } else {
            let target = parse_target(metric, statistic, limit).map_err(E::custom)?;
            self.targets.set(target);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.nested {
            let reason = format!("target {}: nothing can stand below a statistic", self.name);
            return Err(A::Error::custom(reason));
        }
        while let Some(statistic) = map.next_key::<String>()? {
            map.next_value_seed(Entry {
                targets: &mut *self.targets,
                name: &format!("{}.{statistic}", self.name),
                nested: true,
            })?;
        }
        Ok(())
    }
}

/// A metric's limits: one, or one by statistic.
#[derive(Default)]
struct Limits {
    own: Option<String>,
    by_statistic: BTreeMap<Statistic, String>,
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(own) = &self.own {
            return serializer.serialize_str(own);
        }
        let names = self.by_statistic.iter();
        serializer.collect_map(names.map(|(statistic, limit)| (statistic.name(), limit)))
    }
}

/// As a table that reads back the same: all targets, and `"off"` for what was taken away.
impl Serialize for Targets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut order: Vec<&str> = Vec::new();
        let mut table: BTreeMap<&str, Limits> = BTreeMap::new();
        let kept = self.list.iter().map(|target| {
            let limit = format_limit(target.limit, target.unit());
            (&target.metric, target.statistic, limit)
        });
        let off = self.off.iter();
        let off = off.map(|(metric, statistic)| (metric, *statistic, OFF.to_owned()));
        for (metric, statistic, limit) in kept.chain(off) {
            let limits = table.entry(metric).or_insert_with(|| {
                order.push(metric);
                Limits::default()
            });
            match statistic {
                Some(statistic) => {
                    limits.by_statistic.insert(statistic, limit);
                }
                None => limits.own = Some(limit),
            }
        }
        let mut map = serializer.serialize_map(Some(order.len()))?;
        for metric in order {
            map.serialize_entry(metric, &table[metric])?;
        }
        map.end()
    }
}
