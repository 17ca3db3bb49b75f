//! Real file systems that are full, read-only or hang. They need Linux and, as a rule, root.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Says loudly that something could not be tried, which CI does not let pass.
///
/// # Panics
/// In CI.
pub fn skipped(what: &str, why: &str) {
    println!("!!! SKIPPED: {what}: {why}");
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci || !cfg!(target_os = "linux"), "{what}: {why}");
}

/// Runs a program.
///
/// # Errors
/// What it said, if it failed.
pub fn run(program: &str, args: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(args).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(format!("{program}: {said}")))
}

/// Something mounted on a folder, until it is dropped.
#[derive(Debug)]
pub struct Mount {
    folder: PathBuf,
}

impl Mount {
    /// An empty file system in memory, of so many KiB.
    ///
    /// # Errors
    /// Not allowed.
    pub fn tmpfs(folder: &Path, kib: usize) -> io::Result<Self> {
        let size = format!("size={kib}k");
        Self::new(folder, &["-t", "tmpfs", "-o", &size, "tmpfs"])
    }

    /// The folder itself, which can only be read through this.
    ///
    /// # Errors
    /// Not allowed.
    pub fn read_only(folder: &Path) -> io::Result<Self> {
        let mount = Self::new(folder, &["--bind", &folder.to_string_lossy()])?;
        let name = folder.to_string_lossy();
        run("mount", &["-o", "remount,bind,ro", &name]).map(|()| mount)
    }

    /// An ext4 file system of 4 MiB in the file `image`, which is made.
    ///
    /// # Errors
    /// Not allowed, or there are no loop devices.
    pub fn ext4(folder: &Path, image: &Path) -> io::Result<Self> {
        fs::File::create(image)?.set_len(4 << 20)?;
        let image = image.to_string_lossy();
        run("mkfs.ext4", &["-q", &image])?;
        Self::new(folder, &["-o", "loop", &image])
    }

    fn new(folder: &Path, args: &[&str]) -> io::Result<Self> {
        let name = folder.to_string_lossy();
        run("mount", &[args, &[&name[..]]].concat())?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a service that a failing test left behind may still be in it.
        _ = run("umount", &["--lazy", &self.folder.to_string_lossy()]);
    }
}

/// A file system on which every write waits, until this is dropped.
#[derive(Debug)]
pub struct Frozen {
    folder: PathBuf,
}

impl Frozen {
    /// Freezes what is mounted on `folder`.
    ///
    /// # Errors
    /// It cannot be frozen.
    pub fn new(folder: &Path) -> io::Result<Self> {
        run("fsfreeze", &["--freeze", &folder.to_string_lossy()])?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        _ = run("fsfreeze", &["--unfreeze", &self.folder.to_string_lossy()]);
    }
}

/// Fills the file system of `folder` to the last byte; returns the file that does.
///
/// # Panics
/// It cannot be filled.
pub fn fill(folder: &Path) -> PathBuf {
    let ballast = folder.join("ballast");
    let mut file = fs::File::create(&ballast).expect("there is room for a name");
    for size in [4096, 1] {
        while io::Write::write(&mut file, &vec![b'x'; size]).is_ok_and(|count| count > 0) {}
    }
    ballast
}

/// A folder that everybody may use, for a service that runs as somebody else.
///
/// # Panics
/// It cannot be made.
#[cfg(unix)]
pub fn open_folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let all = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder.path(), all).expect("it is ours");
    folder
}
