//! What a run ran on, and with what.

use std::process::Command;

use jiff::Timestamp;
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// The workspace's lock file, which has the version of everything that was compiled in.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// What a run ran on.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's own name.
    pub cpu: String,
    /// Logical processors.
    pub cpus: usize,
    /// The operating system and its kernel.
    pub system: String,
    /// What `rustc --version` says; the compiler of the run's folder.
    pub rustc: String,
    /// When, in UTC.
    pub date: String,
}

impl Machine {
    /// Asks the machine.
    pub fn here() -> Self {
        let asked = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
        let system = System::new_with_specifics(asked).ok();
        let cpus = system.as_ref().map_or(&[][..], System::cpus);
        let brand = cpus.first().map(|cpu| cpu.brand().trim().to_owned());
        let named = System::long_os_version().unwrap_or_else(|_| "unknown system".to_owned());
        Self {
            cpu: brand.unwrap_or_else(|| "unknown processor".to_owned()),
            cpus: cpus.len(),
            system: format!("{named}, {}", System::cpu_arch()),
            rustc: rustc_version(),
            date: format!("{:.0}", Timestamp::now()),
        }
    }
}

fn rustc_version() -> String {
    let said = Command::new("rustc").arg("--version").output().ok();
    said.and_then(|said| String::from_utf8(said.stdout).ok())
        .map_or_else(|| "rustc unknown".to_owned(), |said| said.trim().to_owned())
}

/// The version of a package in the lock file; the newest if there are several.
pub(crate) fn version_of(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"");
    let entries = LOCK.split("[[package]]");
    let entries = entries.filter(|entry| entry.lines().any(|line| line == name));
    let versions = entries.filter_map(|entry| {
        let line = entry
            .lines()
            .find_map(|line| line.strip_prefix("version = "))?;
        Some(line.trim_matches('"'))
    });
    versions.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        assert!(version_of("rtrb").is_some_and(|version| version.starts_with("0.4")));
        assert_eq!(version_of("no such package"), None);
    }
}
