//! The reader of YUV4MPEG2.

use std::io::Cursor;

use tachograph_cli::{Frame, Source as _, SourceError, Y4m};

use super::assert_one_line;
use super::y4m_model::{End, Model, parse};

/// The largest frame that a header may ask for: 64 Mi pixels with full chroma, in bytes.
const MAX_FRAME_BYTES: u64 = 3 << 26;
/// What a stream may take besides its frame: header line, buffers, messages. In bytes.
const SLACK: u64 = 128 << 10;
const NAME: &str = "x.y4m";

/// The bytes are read as a plain parser reads them, frame by frame to the same end; memory is bounded by what the header may ask for,
/// and every refusal is one line that names the input.
///
/// # Panics
/// They are not.
pub fn y4m(bytes: &[u8]) {
    let (owned, expected) = (bytes.to_vec(), parse(bytes));
    let mut frame = 0;
    let used = allocation_counter::measure(|| frame = read_all(owned, expected.as_ref()));
    let bound = frame * 2 + SLACK; // One in the decoder, one that the loop works on.
    assert!(
        used.bytes_max <= bound,
        "{} bytes for frames of {frame}",
        used.bytes_max
    );
}

/// Reads everything and compares; returns the size of a frame in bytes.
fn read_all(bytes: Vec<u8>, expected: Option<&Model>) -> u64 {
    let length = bytes.len() as u64;
    let opened = Y4m::from_reader(Cursor::new(bytes), NAME, Some(length), 12.5);
    let (mut source, model) = match (opened, expected) {
        (Ok(source), Some(model)) => (source, model),
        (Err(error), None) => {
            refused(&error);
            return 0;
        }
        (Ok(_), None) => panic!("a header was accepted that should not be"),
        (Err(error), Some(model)) => panic!("{error}, although it says {model:?}"),
    };
    let format = source.format();
    assert_eq!((format.width, format.height), (model.width, model.height));
    assert!(
        format.fps.is_finite() && format.fps > 0.0,
        "{} fps",
        format.fps
    );
    assert!(model.frame_bytes <= MAX_FRAME_BYTES);
    let whole = length.saturating_sub(model.header_bytes) / (model.frame_bytes + 6);
    assert_eq!(format.frames, Some(whole));
    let mut frame = Frame::empty();
    for (number, [luma, cb, cr]) in (0..).zip(&model.frames) {
        let more = source.read(&mut frame).expect("a whole frame");
        assert!(more, "frame {number} is missing");
        assert_eq!(frame.number, number);
        assert_eq!((frame.width, frame.height), (model.width, model.height));
        assert!(frame.luma == *luma && frame.cb == *cb && frame.cr == *cr);
    }
    ended(source.read(&mut frame), model);
    model.frame_bytes
}

fn ended(found: Result<bool, SourceError>, model: &Model) {
    match (found, model.end) {
        (Ok(false), End::Clean) => {}
        (Err(error), end) => {
            refused(&error);
            let place = match (&error, end) {
                (SourceError::Truncated { frame, offset, .. }, End::Torn(at))
                | (SourceError::NoFrame { frame, offset, .. }, End::Damaged(at)) => {
                    (*frame == model.frames.len() as u64).then_some((*offset, at))
                }
                _ => None,
            };
            let (found, expected) = place.unwrap_or_else(|| panic!("{error} at {end:?}"));
            assert_eq!(found, expected, "{error}");
        }
        (Ok(more), end) => panic!("{more} at {end:?}"),
    }
}

fn refused(error: &SourceError) {
    let message = error.to_string();
    assert_one_line(&message);
    assert!(message.contains(NAME), "{message}");
}
