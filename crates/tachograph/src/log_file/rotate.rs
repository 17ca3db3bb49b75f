//! Rotation by rename: `metrics.json` becomes `metrics.json.1`, which becomes `metrics.json.2`, and so on.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::error::LogError;

/// The `number`-th newest rotated file of a log, from 1.
pub(super) fn rotated_path(path: &Path, number: usize) -> PathBuf {
    with_suffix(path, &format!(".{number}"))
}

/// The path with something appended to its whole file name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The file that a path leads to, through symbolic links, also if it does not exist: two names of one log have one lock, and
/// rotation moves the file, not the link.
pub(super) fn resolve(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many as Linux follows; after that nothing opens it anyway.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => break,
        }
    }
    path
}

/// Moves the log out of the way and keeps `keep` rotated files; 0 deletes it.
///
/// Each step is one rename, so that a crash between two of them leaves at worst a gap in the numbers, which the next
/// rotation fills.
pub(super) fn rotate(path: &Path, keep: usize) -> Result<(), LogError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LogError::Rotate { path, source }
    };
    if keep == 0 {
        fs::remove_file(path).map_err(failed(path))?;
    } else {
        let exists = |number: &usize| rotated_path(path, *number).symlink_metadata().is_ok();
        let free = (1..keep).find(|number| !exists(number)).unwrap_or(keep);
        for number in (1..free).rev() {
            let from = rotated_path(path, number);
            fs::rename(&from, rotated_path(path, number + 1)).map_err(failed(&from))?;
        }
        fs::rename(path, rotated_path(path, 1)).map_err(failed(path))?;
    }
    // Left over from a configuration that kept more.
    for (number, old) in rotated_files(path).map_err(failed(path))? {
        if number > keep {
            fs::remove_file(&old).map_err(failed(&old))?;
        }
    }
    Ok(())
}

/// The rotated files that exist, oldest (highest number) first.
pub(super) fn rotated_files(path: &Path) -> io::Result<Vec<(usize, PathBuf)>> {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder_of(path))? {
        let entry_name = entry?.file_name();
        let number = entry_name
            .to_string_lossy()
            .strip_prefix(name.as_ref())
            .and_then(|rest| rest.strip_prefix('.')?.parse().ok());
        // Only what `rotated_path` would write: "+1" and "01" are parsed too, but are not ours.
        if let Some(number) = number
            && rotated_path(path, number).file_name() == Some(&entry_name)
            && number > 0
        {
            found.push((number, rotated_path(path, number)));
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// The folder that holds the log; never empty.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What tells a file from all others, whatever its name; `None` where that is not known.
pub(super) fn identity(metadata: io::Result<Metadata>) -> Option<(u64, u64)> {
    let metadata = metadata.ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        drop(metadata);
        None
    }
}
