//! Writing the page where it shall be.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::error::Error;

/// Writes the page to a file, all of it or nothing, or to standard output for `-`.
pub(super) fn write(path: &Path, page: &str) -> Result<(), Error> {
    let written = if path.as_os_str() == "-" {
        to_stdout(page)
    } else {
        to_file(path, page)
    };
    written.map_err(|source| Error::PageNotWritten {
        path: path.to_path_buf(),
        source,
    })
}

fn to_stdout(page: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(page.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // `tacho report -o - | head` has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Through a file beside it, so that whoever opens it meanwhile sees the old page or the new one.
fn to_file(path: &Path, page: &str) -> io::Result<()> {
    // The file that a link points to is replaced, not the link.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        // A device or a pipe cannot be replaced; a folder says so itself.
        return File::options()
            .write(true)
            .open(path)?
            .write_all(page.as_bytes());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-").suffix(".html");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any new file: the process's mask takes away what others shall not have.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
    file.write_all(page.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
