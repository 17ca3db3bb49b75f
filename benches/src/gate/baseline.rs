//! The committed counts, which change only on purpose.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::GateError;

/// What was counted on one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The compiler, as `rustc --version` prints it.
    pub rustc: String,
    /// As `valgrind --version` prints it.
    pub valgrind: String,
    /// Instructions per operation.
    pub instructions: BTreeMap<String, f64>,
    /// Locked instructions in the code of an operation; those without any are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub locked: BTreeMap<String, u64>,
    /// Calls of the allocator or of a panic in the code of an operation; those without any are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, u64>,
}

/// A JSON file with a [`Baseline`] for each target triple.
#[derive(Clone, Debug)]
pub struct BaselineFile {
    path: PathBuf,
    targets: BTreeMap<String, Baseline>,
}

impl BaselineFile {
    /// Reads `path`; a file that does not exist holds nothing.
    ///
    /// # Errors
    /// It cannot be read, or is no baseline.
    pub fn read(path: &Path) -> Result<Self, GateError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => "{}".to_owned(),
            Err(source) => return Err(GateError::File { path, source }),
        };
        match serde_json::from_str(&text) {
            Ok(targets) => Ok(Self { path, targets }),
            Err(source) => Err(GateError::Format { path, source }),
        }
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was counted on a target.
    pub fn get(&self, target: &str) -> Option<&Baseline> {
        self.targets.get(target)
    }

    /// The entry of a target, an empty one where there is none; [`BaselineFile::write`] makes a change permanent.
    pub fn entry(&mut self, target: &str) -> &mut Baseline {
        self.targets.entry(target.to_owned()).or_default()
    }

    /// Writes it back.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self) -> Result<(), GateError> {
        let failed = |source| GateError::File {
            path: self.path.clone(),
            source,
        };
        let mut text =
            serde_json::to_string_pretty(&self.targets).map_err(|error| failed(error.into()))?;
        text.push('\n');
        fs::write(&self.path, text).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_survives_the_way_to_disk_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        let mut file = BaselineFile::read(&path).unwrap();
        assert_eq!(file.get("a-target"), None);
        let counted = Baseline {
            rustc: "rustc 1".to_owned(),
            valgrind: "valgrind-3".to_owned(),
            instructions: [("count".to_owned(), 12.5)].into(),
            locked: [("frame_1".to_owned(), 1)].into(),
            calls: BTreeMap::new(),
        };
        *file.entry("a-target") = counted.clone();
        file.write().unwrap();
        let read = BaselineFile::read(&path).unwrap();
        assert_eq!(read.get("a-target"), Some(&counted));
    }

    #[test]
    fn anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        fs::write(&path, r#"{"a-target": {"rustc": 1}}"#).unwrap();
        assert!(matches!(
            BaselineFile::read(&path),
            Err(GateError::Format { .. })
        ));
    }
}
