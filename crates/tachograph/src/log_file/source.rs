//! The files that a log consists of.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::rotate::{identity, rotated_files, rotated_path};

/// As many rotated files as can be configured.
const MAX_ROTATED: usize = 1000;
/// Newest files that a reader opens at once. Older ones it opens when it gets there, so that a thousand need no thousand handles.
const OPENED_AT_ONCE: usize = 64;

/// The files of a log, oldest first, those with the newest lines opened.
pub(super) fn sources(path: &Path) -> Vec<Source> {
    let mut files = vec![Source::now(path.to_owned())];
    // Newest first: a rotation meanwhile moves files to higher numbers, so one may be met again, but none is passed over.
    let mut tried = 0;
    loop {
        let numbers = numbers_above(tried, path);
        let Some(highest) = numbers.last() else {
            break;
        };
        tried = *highest;
        for number in numbers {
            let path = rotated_path(path, number);
            let source = match files.len() {
                ..=OPENED_AT_ONCE => Source::now(path),
                _ => Source::later(path),
            };
            // Met again, it has become older than those that were opened in between.
            files.retain(|other| source.id.is_none() || source.id != other.id);
            files.push(source);
        }
    }
    // Between a rotation and the next line there is no current file, and what else is missing has been met under its new name.
    if files.iter().any(|it| !it.is_missing) {
        files.retain(|it| !it.is_missing);
    }
    files.reverse();
    files
}

/// Numbers that rotated files above `tried` may have; none if there is no such file.
pub(super) fn numbers_above(tried: usize, path: &Path) -> BTreeSet<usize> {
    let listed = rotated_files(path).unwrap_or_default();
    let listed = listed.into_iter().map(|(number, _)| number);
    let mut numbers: BTreeSet<_> = listed.filter(|number| *number > tried).collect();
    if let Some(highest) = numbers.last() {
        // A file that is renamed while its folder is listed may be left out, so those in between are tried as well.
        numbers.extend(tried + 1..*highest.min(&MAX_ROTATED));
    }
    numbers
}

/// A file to be read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// `None` if it is to be opened later, or could not be opened yet.
    pub(super) file: Option<File>,
    /// Whether there was no such file when it was to be opened.
    pub(super) is_missing: bool,
    /// Tells it from all others, if that is known.
    pub(super) id: Option<(u64, u64)>,
    /// Where to begin, in bytes: the start of a line.
    pub(super) start: u64,
}

impl Source {
    pub(super) fn now(path: PathBuf) -> Self {
        let opened = File::open(&path);
        let is_missing = matches!(&opened, Err(error) if error.kind() == ErrorKind::NotFound);
        let file = opened.ok();
        Self {
            id: file.as_ref().and_then(|file| identity(file.metadata())),
            is_missing,
            file,
            path,
            start: 0,
        }
    }

    fn later(path: PathBuf) -> Self {
        Self {
            is_missing: !path.exists(),
            file: None,
            id: None,
            path,
            start: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        let metadata = match &self.file {
            Some(file) => file.metadata(),
            None => fs::metadata(&self.path),
        };
        metadata.map_or(0, |metadata| metadata.len())
    }

    pub(super) fn open(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}
