//! The interleaved loop: A B C … A B C …, so that whatever disturbs the machine disturbs all alike.

use std::time::Duration;

use crate::compare::candidate::{Candidate, Kind, Operation};

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds; each times every candidate once.
    pub rounds: usize,
    /// How often the candidates are made anew; the rounds are shared out among them.
    pub instances: usize,
    /// Divides the length of a batch: 1 for figures, more for a quick look.
    pub haste: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            rounds: 35,
            instances: 5,
            haste: 1,
        }
    }
}

/// Order statistics of a candidate's rounds, in nanoseconds per operation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// A tenth of the rounds was faster.
    pub p10: f64,
    /// The figure.
    pub median: f64,
    /// A tenth of the rounds was slower.
    pub p90: f64,
}

impl Spread {
    /// Of measured values, in any order; all zero of none.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let last = values.len().saturating_sub(1);
            values.get((last * percent + 50) / 100).copied()
        };
        Self {
            p10: at(10).unwrap_or_default(),
            median: at(50).unwrap_or_default(),
            p90: at(90).unwrap_or_default(),
        }
    }
}

/// What was measured of one candidate.
#[derive(Clone, Debug)]
pub struct Row {
    /// The candidate.
    pub name: &'static str,
    /// What it stands for.
    pub kind: Kind,
    /// The crate it comes from.
    pub package: Option<&'static str>,
    /// Nanoseconds per operation.
    pub nanos: Spread,
}

/// What was measured of one operation.
#[derive(Clone, Debug)]
pub struct Results {
    /// The operation's short name.
    pub id: &'static str,
    /// What is done.
    pub title: &'static str,
    /// One per candidate, in their order.
    pub rows: Vec<Row>,
}

impl Results {
    /// The median of the candidate of this name.
    pub fn median(&self, name: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.name == name)?;
        Some(row.nanos.median)
    }

    /// The first row that is ours.
    pub fn ours(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.kind == Kind::Ours)
    }

    /// The fastest rival.
    pub fn fastest_rival(&self) -> Option<&Row> {
        let rivals = self.rows.iter().filter(|row| row.kind == Kind::Rival);
        rivals.min_by(|a, b| a.nanos.median.total_cmp(&b.nanos.median))
    }
}

/// Checks, warms up and measures all candidates of an operation in interleaved rounds.
///
/// The candidates are made several times over, and those before are kept, so that each time they lie at other addresses:
/// where the parts of one happen to lie relative to each other can double what it costs.
///
/// # Panics
/// A candidate does not do its work.
pub fn measure(make: fn() -> Operation, plan: Plan) -> Results {
    let mut instances: Vec<Operation> = Vec::with_capacity(plan.instances);
    let mut nanos: Vec<Vec<f64>> = Vec::new();
    for _ in 0..plan.instances {
        let mut operation = make();
        nanos.resize(operation.candidates.len(), Vec::new());
        rounds(&mut operation, plan, &mut nanos);
        instances.push(operation);
    }
    let (id, title) = instances
        .first()
        .map_or(("", ""), |first| (first.id, first.title));
    let candidates = instances.first().map_or(&[][..], |first| &first.candidates);
    let rows = candidates.iter().zip(nanos).map(|(candidate, nanos)| Row {
        name: candidate.name(),
        kind: candidate.kind(),
        package: candidate.package(),
        nanos: Spread::of(nanos),
    });
    Results {
        id,
        title,
        rows: rows.collect(),
    }
}

/// The rounds of one instance; appends to each candidate's figures.
fn rounds(operation: &mut Operation, plan: Plan, nanos: &mut [Vec<f64>]) {
    let round = operation.round / plan.haste;
    let candidates = &mut operation.candidates;
    candidates.iter_mut().for_each(Candidate::check_first);
    let sizes: Vec<u64> = candidates
        .iter_mut()
        .map(|candidate| batch_size(candidate, round))
        .collect();
    for _ in 0..plan.rounds.div_ceil(plan.instances) {
        for ((candidate, &n), nanos) in candidates.iter_mut().zip(&sizes).zip(&mut *nanos) {
            nanos.push(candidate.run(n).as_secs_f64() * 1e9 / n as f64);
        }
    }
    candidates.iter_mut().for_each(Candidate::check_last);
}

/// Iterations that take at least as long as a round; finding it out warms up.
fn batch_size(candidate: &mut Candidate, round: Duration) -> u64 {
    let mut n = 64;
    loop {
        let took = candidate.run(n);
        if took >= round {
            return n;
        }
        let missing = round.as_secs_f64() / took.as_secs_f64().max(1e-9) * 1.1;
        // A few times at most: a first batch that ran cold says little.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let factor = missing.ceil().clamp(2.0, 16.0) as u64;
        n *= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_few_values() {
        let spread = Spread::of((1..=31).rev().map(f64::from).collect());
        assert_eq!((spread.p10, spread.median, spread.p90), (4.0, 16.0, 28.0));
        assert_eq!(Spread::of(vec![]), Spread::default());
    }
}
