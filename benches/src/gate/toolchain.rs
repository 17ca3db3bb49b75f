//! Which compiler made the code that is counted.

use std::process::Command;

use super::callgrind::run;
use super::error::GateError;

/// The compiler: its counts are comparable only with counts of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// As `rustc --version` prints it.
    pub rustc: String,
    /// The host's target triple.
    pub target: String,
}

impl Toolchain {
    /// The compiler that cargo uses here.
    ///
    /// # Errors
    /// There is none.
    pub fn current() -> Result<Self, GateError> {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let output = run("rustc", Command::new(rustc).arg("-vV"))?;
        Self::parse(&String::from_utf8_lossy(&output.stdout)).ok_or(GateError::Output {
            program: "rustc -vV".to_owned(),
            expected: "host",
        })
    }

    fn parse(printed: &str) -> Option<Self> {
        Some(Self {
            rustc: printed.lines().next()?.to_owned(),
            target: printed
                .lines()
                .find_map(|line| line.strip_prefix("host: "))?
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_host_are_read() {
        let printed =
            "rustc 1.95.0 (1234 2026-04-14)\nbinary: rustc\nhost: aarch64-unknown-linux-gnu\n";
        let expected = Toolchain {
            rustc: "rustc 1.95.0 (1234 2026-04-14)".to_owned(),
            target: "aarch64-unknown-linux-gnu".to_owned(),
        };
        assert_eq!(Toolchain::parse(printed), Some(expected));
    }
}
