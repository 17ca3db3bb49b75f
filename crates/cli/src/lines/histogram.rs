//! Histograms from a log line's text.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// How the compressed form begins, and the length of its header: this and the length of the rest.
const COMPRESSED: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();
const COMPRESSED_HEADER: usize = 8;
/// The header inside: cookie, length of the counts, offset, digits, lowest, highest, ratio.
const HEADER: usize = 40;
/// More than a histogram of 1 us to 1 h with three digits can ever need.
const MAX_BYTES: u64 = 1 << 20;
/// So many bytes in a row with their highest bit set are a count above 2^55.
const OVERLONG: usize = 8;

/// Why a text is no histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHistogram {
    /// Not base64.
    #[error("it is not base64")]
    Base64,
    /// Base64 of something else, or damaged.
    #[error("it is not an HdrHistogram in its V2 compressed form")]
    Format,
    /// With finer digits or a wider range than this program's.
    #[error("it has other bounds than 1 us to 1 h with three digits")]
    Bounds,
}

/// Decodes histograms, with buffers that it keeps from one to the next.
pub(crate) struct Decoder {
    compressed: Vec<u8>,
    plain: Vec<u8>,
    deserializer: Deserializer,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self {
            compressed: Vec::new(),
            plain: Vec::new(),
            deserializer: Deserializer::new(),
        }
    }

    /// The histogram, in nanoseconds.
    ///
    /// # Errors
    /// The text is none. Nothing that it claims makes this take more than a few MiB, or panic.
    pub(crate) fn decode(&mut self, text: &str) -> Result<Histogram<u64>, BadHistogram> {
        self.inflate(text)?;
        let digits = self.plain.get(12..16).ok_or(BadHistogram::Format)?;
        let length = self.plain.get(4..8).ok_or(BadHistogram::Format)?;
        let counts = self.plain.get(HEADER..).ok_or(BadHistogram::Format)?;
        if u32::try_from(counts.len()).map(u32::to_be_bytes).ok().as_ref().map(<[u8; 4]>::as_slice) != Some(length)
            // The crate would take the negative of the smallest number there is, which has no positive.
            || counts.windows(OVERLONG).any(|bytes| bytes.iter().all(|byte| *byte >= 0x80))
        {
            return Err(BadHistogram::Format);
        }
        // The digits set how much memory it takes.
        if digits > 3_u32.to_be_bytes().as_slice() {
            return Err(BadHistogram::Bounds);
        }
        let decoded = self.deserializer.deserialize(&mut self.plain.as_slice());
        decoded.map_err(|_| BadHistogram::Format)
    }

    /// Adds the histogram to another one.
    ///
    /// # Errors
    /// The text is none, or does not fit; the other one is as it was.
    pub(crate) fn add_to(
        &mut self,
        sum: &mut Histogram<u64>,
        text: &str,
    ) -> Result<(), BadHistogram> {
        let decoded = self.decode(text)?;
        sum.add(decoded).map_err(|_| BadHistogram::Bounds)
    }

    /// Undoes base64 and compression, into `plain`.
    fn inflate(&mut self, text: &str) -> Result<(), BadHistogram> {
        self.compressed.clear();
        STANDARD
            .decode_vec(text, &mut self.compressed)
            .map_err(|_| BadHistogram::Base64)?;
        if !self.compressed.starts_with(&COMPRESSED) {
            return Err(BadHistogram::Format);
        }
        let stream = self.compressed.get(COMPRESSED_HEADER..).unwrap_or_default();
        self.plain.clear();
        let read = ZlibDecoder::new(stream)
            .take(MAX_BYTES)
            .read_to_end(&mut self.plain);
        read.map(|_| ()).map_err(|_| BadHistogram::Format)
    }
}

/// An empty histogram as the library has them.
#[expect(clippy::expect_used)]
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 3_600_000_000_000, 3).expect("constant bounds are valid")
}

/// Nanoseconds as milliseconds.
pub(crate) fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}
