//! Values out of arbitrary bytes.

/// Takes arbitrary bytes apart; zeros once they are used up.
#[derive(Debug)]
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether anything is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    /// A number below `bound`, which is 1 to 256.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// All 64 bits.
    pub(super) fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number of any magnitude: small ones are as likely as large ones, and the extremes are among them.
    pub(super) fn number(&mut self) -> u64 {
        match self.byte() {
            shift @ 0..=63 => self.word() >> shift,
            64..=127 => u64::from(self.byte()),
            128..=135 => u64::MAX,
            _ => u64::from(self.byte()) * 1_000_000,
        }
    }

    /// Text of at most `longest` bytes, of which some may be no ASCII.
    pub(super) fn text(&mut self, longest: usize) -> String {
        let length = self.below(longest + 1).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}
