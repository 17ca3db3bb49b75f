//! The last minute of something that is probed once a second.

use std::collections::VecDeque;

/// Probes that a rolling figure covers: a minute of them.
const PROBES: usize = 60;

/// The newest [`PROBES`] values.
#[derive(Clone, Debug)]
pub(crate) struct Rolling<T>(VecDeque<T>);

impl<T> Rolling<T> {
    pub(crate) fn new() -> Self {
        Self(VecDeque::with_capacity(PROBES))
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.0.len() == PROBES {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.0.back()
    }
}

impl Rolling<f64> {
    /// The arithmetic mean; `None` of nothing.
    pub(crate) fn mean(&self) -> Option<f64> {
        let count = self.0.len();
        (count > 0).then(|| self.0.iter().sum::<f64>() / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_minute_counts() {
        let mut rolling = Rolling::new();
        assert_eq!(rolling.mean(), None);
        rolling.push(1e9);
        (0..PROBES).for_each(|_| rolling.push(2.0));
        assert_eq!((rolling.mean(), rolling.last()), (Some(2.0), Some(&2.0)));
    }
}
