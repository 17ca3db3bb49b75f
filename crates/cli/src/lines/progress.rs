//! How far reading has come, for a log long enough to wait for.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Bytes below which a log is read before anybody could look.
const SHORT: u64 = 16 << 20;

/// A bar on standard error, by bytes; only on a terminal, and only for a long log. It goes when this is dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn towards(bytes: u64) -> Self {
        if bytes < SHORT {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        // A template that does not parse would be a mistake in this line; the default style shows the same.
        if let Ok(style) =
            ProgressStyle::with_template("reading {percent:>3} % [{bar:24}] {bytes}/{total_bytes}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
