//! Files that commands write: whole, or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Where something is written to.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// `-`.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl From<&str> for Destination {
    fn from(path: &str) -> Self {
        match path {
            "-" => Self::Stdout,
            path => Self::File(path.into()),
        }
    }
}

impl Destination {
    /// Writes what `write` gives. A file is there in whole when this returns, and as it was before if it fails. That nobody reads
    /// standard output to its end is no failure.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        match self {
            Self::Stdout => {
                let mut output = BufWriter::new(io::stdout());
                match write(&mut output).and_then(|()| output.flush()) {
                    Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                        Err(Error::Output(error))
                    }
                    _ => Ok(()),
                }
            }
            Self::File(path) => to_file(path, write).map_err(|source| Error::Write {
                path: path.clone(),
                source,
            }),
        }
    }
}

fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // Where a link leads to; what does not exist yet is no link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_special = fs::metadata(&path).is_ok_and(|it| !it.is_file());
    if is_special {
        // A pipe or a device, which nothing must take the place of.
        let mut output = BufWriter::new(File::options().write(true).open(&path)?);
        return write(&mut output).and_then(|()| output.flush());
    }
    let mut name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).and_then(|file| {
        let mut output = BufWriter::new(file);
        write(&mut output)?;
        output.flush()
    });
    let done = written.and_then(|()| fs::rename(&temporary, &path));
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.json");
        let output = Destination::File(path.clone());
        output.write(|it| it.write_all(b"one")).expect("writes");
        let failed = output.write(|it| {
            it.write_all(b"tw")?;
            Err(ErrorKind::StorageFull.into())
        });
        let error = failed.expect_err("a full disk").to_string();
        assert!(error.contains("out.json"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "one");
        let count = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(count, 1, "nothing is left lying about");
        let missing = Destination::File(folder.path().join("none/out.json"));
        assert!(missing.write(|_| Ok(())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("link");
        fs::write(folder.path().join("target"), "old").expect("writes");
        std::os::unix::fs::symlink("target", &link).expect("a link");
        let output = Destination::File(link.clone());
        output.write(|it| it.write_all(b"new")).expect("writes");
        assert!(link.symlink_metadata().expect("there").is_symlink());
        assert_eq!(fs::read_to_string(&link).expect("reads"), "new");
        let null = Destination::File("/dev/null".into());
        null.write(|it| it.write_all(b"new")).expect("writes");
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
    }
}
