//! Where frames come from.

mod guess;
mod synthetic;
mod y4m;
mod y4m_header;

use std::path::{Path, PathBuf};

pub(crate) use synthetic::Synthetic;
pub use y4m::Y4m;

use crate::frame::Frame;

/// What a source delivers, known before its first frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Format {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Frames per second of video time; finite and above 0.
    pub fps: f64,
    /// How many frames there will be, where that can be told beforehand (a regular file).
    pub frames: Option<u64>,
    /// Whether the source goes on by itself: a consumer that is late misses frames instead of delaying them.
    pub live: bool,
}

/// A stream of frames.
pub trait Source: Send {
    /// What it delivers.
    fn format(&self) -> Format;

    /// Fills `frame` with the next picture, reusing its buffers; `Ok(false)` is the clean end.
    ///
    /// # Errors
    /// The input stopped in the middle of a frame, goes on with something else, or cannot be read.
    fn read(&mut self, frame: &mut Frame) -> Result<bool, SourceError>;

    /// Passes over frames without producing them; only live sources are asked to.
    fn skip(&mut self, _frames: u64) {}
}

/// Why there are no (more) frames. Each prints as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The input could not be opened.
    #[error("cannot open the input {path}: {error}")]
    Open {
        /// The file as the user named it.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The input is a folder.
    #[error("the input {0} is a folder, not a video file")]
    Folder(String),
    /// There is not a single byte.
    #[error("{0} is empty")]
    Empty(String),
    /// Another kind of file.
    #[error("{name} is not YUV4MPEG2{looks_like}; convert it with `{command}`")]
    NotY4m {
        /// The input.
        name: String,
        /// What it seems to be instead, as the end of a clause, or nothing.
        looks_like: String,
        /// The command line that turns it into what `tacho` reads.
        command: String,
    },
    /// The stream header is damaged or asks for what cannot be.
    #[error("the YUV4MPEG2 header of {name} {problem}")]
    Header {
        /// The input.
        name: String,
        /// What is wrong, as the end of the sentence.
        problem: String,
    },
    /// A colour space that is not read.
    #[error(
        "{name} has the colour space {colour_space}, which is not supported; \
         convert it with ffmpeg's option `-pix_fmt yuv420p`"
    )]
    ColourSpace {
        /// The input.
        name: String,
        /// The value of the header's `C` field.
        colour_space: String,
    },
    /// The input stopped in the middle of a frame.
    #[error("{name} is truncated: it ends inside frame {frame}, at byte {offset}")]
    Truncated {
        /// The input.
        name: String,
        /// The number of the incomplete frame, from 0.
        frame: u64,
        /// How many bytes there were in all.
        offset: u64,
    },
    /// Something else stands where a frame should begin.
    #[error("{name} is damaged: frame {frame} does not begin with FRAME at byte {offset}")]
    NoFrame {
        /// The input.
        name: String,
        /// The number of the frame, from 0.
        frame: u64,
        /// Where it should begin, in bytes from the start.
        offset: u64,
    },
    /// The system could not read on.
    #[error("cannot read frame {frame} of {name}: {error}")]
    Read {
        /// The input.
        name: String,
        /// The number of the frame, from 0.
        frame: u64,
        /// What the system said.
        error: std::io::Error,
    },
    /// The thread that reads could not be started or has died.
    #[error("the thread that reads {0} has stopped unexpectedly")]
    Thread(String),
}

/// Which source to open.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// The built-in camera.
    Synthetic {
        /// Decides where the objects go.
        seed: u64,
        /// Frames per second.
        fps: f64,
    },
    /// YUV4MPEG2 on standard input.
    Stdin {
        /// The rate to assume where the stream does not say, in frames per second.
        fallback_fps: f64,
    },
    /// A YUV4MPEG2 file.
    File {
        /// Where it is.
        path: PathBuf,
        /// The rate to assume where the file does not say, in frames per second.
        fallback_fps: f64,
    },
}

impl Input {
    /// The input's name for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Synthetic { .. } => "the synthetic camera".to_owned(),
            Self::Stdin { .. } => "standard input".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// Whether opening it may take for ever, as a pipe that nobody writes to does.
    pub(crate) fn may_block(&self) -> bool {
        match self {
            Self::Synthetic { .. } => false,
            Self::Stdin { .. } => true,
            Self::File { path, .. } => Path::new(path)
                .metadata()
                .is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()),
        }
    }

    /// Opens it and reads its header.
    pub(crate) fn open(&self) -> Result<Box<dyn Source>, SourceError> {
        Ok(match self {
            Self::Synthetic { seed, fps } => Box::new(Synthetic::new(*seed, *fps)),
            Self::Stdin { fallback_fps } => Box::new(Y4m::stdin(*fallback_fps)?),
            Self::File { path, fallback_fps } => Box::new(Y4m::file(path, *fallback_fps)?),
        })
    }
}
