//! YUV4MPEG2 from a file or from standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::y4m::{Colorspace, Decoder, Error};

use super::y4m_header::{self, Header};
use super::{Format, Source, SourceError};
use crate::frame::{Frame, Subsampling};

/// The bytes before a frame's pixels in all but exotic files: `FRAME` and a line feed.
const FRAME_HEADER: u64 = 6;
/// Large enough that a frame's header costs no system call of its own; the pixels pass it by.
const BUFFER: usize = 64 * 1024;

type Bytes = Counting<Chain<Cursor<Vec<u8>>, Box<dyn BufRead + Send>>>;

/// A YUV4MPEG2 stream.
pub struct Y4m {
    name: String,
    decoder: Decoder<Bytes>,
    /// Bytes that the decoder has consumed, header included.
    position: Arc<AtomicU64>,
    /// The number of the next frame.
    next: u64,
    format: Format,
    subsampling: Subsampling,
    full_range: bool,
}

impl Y4m {
    /// Opens a file; `fallback_fps` counts where the file does not know its rate.
    ///
    /// # Errors
    /// The file cannot be opened or is a folder; else as [`Y4m::from_reader`].
    pub fn file(path: &Path, fallback_fps: f64) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let open_error = |error| SourceError::Open {
            path: name.clone(),
            error,
        };
        let file = File::open(path).map_err(open_error)?;
        let metadata = file.metadata().map_err(open_error)?;
        if metadata.is_dir() {
            return Err(SourceError::Folder(name));
        }
        let length = metadata.is_file().then_some(metadata.len());
        let command = format!(
            "ffmpeg -i {} -f yuv4mpegpipe -pix_fmt yuv420p - | tacho run --input -",
            shell_word(&name)
        );
        let reader = Box::new(BufReader::with_capacity(BUFFER, file));
        Self::open(reader, name, &command, length, fallback_fps)
    }

    /// Opens standard input; `fallback_fps` counts where the stream does not know its rate.
    ///
    /// # Errors
    /// As [`Y4m::from_reader`].
    pub fn stdin(fallback_fps: f64) -> Result<Self, SourceError> {
        Self::from_reader(io::stdin(), "standard input", None, fallback_fps)
    }

    /// Reads a stream from anything; errors call it `name`. `length` is how many bytes there are, where that is known;
    /// `fallback_fps` counts where the stream does not know its rate.
    ///
    /// # Errors
    /// The stream is empty, something else than YUV4MPEG2, or its header asks for what is not supported.
    pub fn from_reader(
        reader: impl Read + Send + 'static,
        name: &str,
        length: Option<u64>,
        fallback_fps: f64,
    ) -> Result<Self, SourceError> {
        let reader = Box::new(BufReader::with_capacity(BUFFER, reader));
        let command = "ffmpeg -i SOURCE -f yuv4mpegpipe -pix_fmt yuv420p - | tacho run --input -";
        Self::open(reader, name.to_owned(), command, length, fallback_fps)
    }

    fn open(
        mut reader: Box<dyn BufRead + Send>,
        name: String,
        command: &str,
        length: Option<u64>,
        fallback_fps: f64,
    ) -> Result<Self, SourceError> {
        let header = y4m_header::read(&mut reader, &name, command)?;
        let header_length = header.line.len() as u64;
        let position = Arc::new(AtomicU64::new(0));
        let bytes = Counting {
            inner: Cursor::new(header.line.clone()).chain(reader),
            count: Arc::clone(&position),
        };
        let decoder = Decoder::new(bytes).map_err(|error| SourceError::Header {
            name: name.clone(),
            problem: format!("is damaged: {error}"),
        })?;
        let subsampling = subsampling(decoder.get_colorspace(), &name)?;
        let frame_length = FRAME_HEADER + frame_bytes(&header, subsampling);
        let format = Format {
            width: header.width,
            height: header.height,
            fps: header.fps.unwrap_or(fallback_fps),
            frames: length.map(|length| length.saturating_sub(header_length) / frame_length),
            live: false,
        };
        Ok(Self {
            name,
            decoder,
            position,
            next: 0,
            format,
            subsampling,
            full_range: header.full_range,
        })
    }

    fn failure(&self, error: Error, before: u64) -> SourceError {
        let (name, frame) = (self.name.clone(), self.next);
        match error {
            Error::EOF => SourceError::Truncated {
                name,
                frame,
                offset: self.position.load(Ordering::Relaxed),
            },
            Error::IoError(error) => SourceError::Read { name, frame, error },
            _ => SourceError::NoFrame {
                name,
                frame,
                offset: before,
            },
        }
    }
}

impl Source for Y4m {
    fn format(&self) -> Format {
        self.format
    }

    fn read(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let before = self.position.load(Ordering::Relaxed);
        match self.decoder.read_frame() {
            Ok(picture) => {
                fill(&mut frame.luma, picture.get_y_plane());
                fill(&mut frame.cb, picture.get_u_plane());
                fill(&mut frame.cr, picture.get_v_plane());
            }
            // The decoder says the same at the end of the input and in the middle of a frame.
            Err(Error::EOF) if self.position.load(Ordering::Relaxed) == before => return Ok(false),
            Err(error) => return Err(self.failure(error, before)),
        }
        frame.width = self.format.width;
        frame.height = self.format.height;
        frame.subsampling = self.subsampling;
        frame.full_range = self.full_range;
        frame.number = self.next;
        self.next += 1;
        Ok(true)
    }
}

/// A path as a shell reads it back, so that the command in an error can be copied.
fn shell_word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

fn fill(plane: &mut Vec<u8>, bytes: &[u8]) {
    plane.clear();
    plane.extend_from_slice(bytes);
}

fn frame_bytes(header: &Header, subsampling: Subsampling) -> u64 {
    let (chroma_width, chroma_height) = subsampling.chroma_size(header.width, header.height);
    (header.width * header.height + 2 * chroma_width * chroma_height) as u64
}

fn subsampling(colour_space: Colorspace, name: &str) -> Result<Subsampling, SourceError> {
    match colour_space {
        Colorspace::Cmono => Ok(Subsampling::Mono),
        Colorspace::C420 | Colorspace::C420jpeg | Colorspace::C420paldv | Colorspace::C420mpeg2 => {
            Ok(Subsampling::Yuv420)
        }
        Colorspace::C422 => Ok(Subsampling::Yuv422),
        Colorspace::C444 => Ok(Subsampling::Yuv444),
        other => Err(SourceError::ColourSpace {
            name: name.to_owned(),
            colour_space: format!("{other:?}"),
        }),
    }
}

/// Counts the bytes that pass, so that a clean end can be told from a torn frame.
struct Counting<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The decoder reads headers by plain `read` and takes an interruption for an error.
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => {
                    // One thread reads and counts: no ordering is needed.
                    self.count.fetch_add(read as u64, Ordering::Relaxed);
                    return Ok(read);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bytes: Vec<u8>) -> Result<Y4m, SourceError> {
        let length = Some(bytes.len() as u64);
        Y4m::open(
            Box::new(Cursor::new(bytes)),
            "x.y4m".to_owned(),
            "",
            length,
            12.5,
        )
    }

    fn stream(header: &str, frames: &[&[u8]]) -> Vec<u8> {
        let mut bytes = header.as_bytes().to_vec();
        for frame in frames {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let bytes = stream(
            "YUV4MPEG2 W2 H2 F0:0 C420\n",
            &[&[1, 2, 3, 4, 5, 6], &[7; 6]],
        );
        let mut source = open(bytes).expect("good");
        assert_eq!(source.format().frames, Some(2));
        assert!((source.format().fps - 12.5).abs() < f64::EPSILON);
        let mut frame = Frame::empty();
        assert!(source.read(&mut frame).expect("frame 0"));
        assert_eq!(frame.luma, [1, 2, 3, 4]);
        assert_eq!((frame.cb[0], frame.cr[0], frame.number), (5, 6, 0));
        assert!(source.read(&mut frame).expect("frame 1"));
        assert_eq!(frame.number, 1);
        assert!(!source.read(&mut frame).expect("end"));
    }

    #[test]
    fn other_colour_spaces_have_their_planes() {
        for (name, chroma) in [("mono", 0), ("422", 2), ("444", 4)] {
            let pixels = vec![9; 4 + 2 * chroma];
            let bytes = stream(&format!("YUV4MPEG2 W2 H2 F5:1 Im C{name}\n"), &[&pixels]);
            let mut frame = Frame::empty();
            assert!(
                open(bytes)
                    .expect("good")
                    .read(&mut frame)
                    .expect("a frame")
            );
            assert_eq!((frame.luma.len(), frame.cb.len()), (4, chroma), "{name}");
        }
    }

    #[test]
    fn a_torn_frame_is_an_error_wherever_it_is_torn() {
        let whole = stream("YUV4MPEG2 W2 H2 F5:1 C420\n", &[&[0; 6], &[0; 6]]);
        let header = 26;
        for length in header + 12 + 1..whole.len() {
            let mut source = open(whole[..length].to_vec()).expect("good");
            let mut frame = Frame::empty();
            assert!(source.read(&mut frame).expect("frame 0"));
            let error = source.read(&mut frame).expect_err("torn").to_string();
            assert_eq!(
                error,
                format!("x.y4m is truncated: it ends inside frame 1, at byte {length}")
            );
        }
    }

    #[test]
    fn damage_anywhere_is_an_error_or_another_picture_but_never_a_panic() {
        let whole = stream(
            "YUV4MPEG2 W4 H2 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n",
            &[&[1; 12], &[2; 12]],
        );
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=state >> 62 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let at = usize::try_from(state >> 33).expect("31 bits") % bytes.len();
                bytes[at] = if state & 1 << 20 == 0 {
                    b"0123456789 :\nWHFC"[at % 17]
                } else {
                    state.to_le_bytes()[3]
                };
            }
            if let Ok(mut source) = open(bytes) {
                let mut frame = Frame::empty();
                while let Ok(true) = source.read(&mut frame) {
                    assert_eq!(frame.luma.len(), frame.width * frame.height);
                }
            }
        }
    }

    #[test]
    fn a_path_survives_the_shell() {
        assert_eq!(shell_word("a/b-1.mp4"), "a/b-1.mp4");
        assert_eq!(shell_word("my clip.mp4"), "'my clip.mp4'");
        assert_eq!(shell_word("it's.mp4"), r"'it'\''s.mp4'");
    }

    #[test]
    fn rubbish_between_frames_is_named_with_its_place() {
        let mut bytes = stream("YUV4MPEG2 W2 H2 F5:1 C420\n", &[&[0; 6]]);
        bytes.extend_from_slice(b"GARBAGE\n123456");
        let mut source = open(bytes).expect("good");
        let mut frame = Frame::empty();
        assert!(source.read(&mut frame).expect("frame 0"));
        let error = source.read(&mut frame).expect_err("garbage").to_string();
        assert!(
            error.contains("frame 1") && error.contains("byte 38"),
            "{error}"
        );
    }
}
