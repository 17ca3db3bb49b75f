//! The stream header of YUV4MPEG2, read and judged before the decoder sees it.
//!
//! The decoder multiplies the sizes it finds without a check and says little about what it refuses. So the header line
//! is read here first, each field is looked at, and a refusal names the field and its value.

use std::io::{BufRead, ErrorKind};

use super::{SourceError, guess};

/// The longest header line that is accepted, with its line feed, in bytes; the decoder's own limit.
const MAX_LINE: usize = 1024;
/// The largest width and height, in pixels: twice 8K, and a frame's size still fits any machine's words.
const MAX_SIDE: usize = 16_384;
/// The largest picture, in pixels: as much as 8192 x 8192. The decoder takes memory for a whole frame before the first byte of it
/// has come, so a header alone can ask for no more than 192 MiB (with full chroma).
const MAX_PIXELS: usize = 1 << 26;
const MAGIC: &[u8] = b"YUV4MPEG2";

/// A header that was found good.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    /// The line as it stood in the input, with its line feed.
    pub(crate) line: Vec<u8>,
    /// Pixels per row, 1..=16384.
    pub(crate) width: usize,
    /// Rows, 1..=16384.
    pub(crate) height: usize,
    /// Frames per second; `None` where the header does not say.
    pub(crate) fps: Option<f64>,
    /// Whether luma runs over 0..=255.
    pub(crate) full_range: bool,
}

/// Reads the header line of the input called `name` and checks it.
///
/// `command` is the command line that would convert the input, for the error that says it needs to be.
pub(crate) fn read(
    reader: &mut impl BufRead,
    name: &str,
    command: &str,
) -> Result<Header, SourceError> {
    let line = read_line(reader, name)?;
    if line.is_empty() {
        return Err(SourceError::Empty(name.to_owned()));
    }
    let rest = line.strip_prefix(MAGIC);
    let Some(fields) = rest.filter(|rest| rest.first().is_none_or(u8::is_ascii_whitespace)) else {
        let looks_like = guess::kind(&line)
            .map(|kind| format!(" but looks like {kind}"))
            .unwrap_or_default();
        return Err(SourceError::NotY4m {
            name: name.to_owned(),
            looks_like,
            command: command.to_owned(),
        });
    };
    if line.last() != Some(&b'\n') {
        let problem = if line.len() < MAX_LINE {
            format!("is truncated: it ends at byte {}", line.len())
        } else {
            format!("is longer than {MAX_LINE} bytes")
        };
        return Err(header_error(name, problem));
    }
    let fields = fields.strip_suffix(b"\n").unwrap_or(fields);
    parse(fields, name).map(|parsed| Header { line, ..parsed })
}

/// The input's first line with its line feed; without one where the input ends, is not YUV4MPEG2 or goes on too long.
fn read_line(reader: &mut impl BufRead, name: &str) -> Result<Vec<u8>, SourceError> {
    let mut line = Vec::new();
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(SourceError::Read {
                    name: name.to_owned(),
                    frame: 0,
                    error,
                });
            }
        };
        let foreign = line.len() + buffer.len() >= MAGIC.len() && {
            let mut start = line.iter().chain(buffer).take(MAGIC.len());
            !MAGIC.iter().all(|byte| start.next() == Some(byte))
        };
        let limit = if foreign { guess::PEEK } else { MAX_LINE };
        let room = limit.saturating_sub(line.len()).min(buffer.len());
        let available = buffer.get(..room).unwrap_or_default();
        let end = available
            .iter()
            .position(|&byte| byte == b'\n')
            .filter(|_| !foreign);
        let taken = end.map_or(available.len(), |end| end + 1);
        line.extend(available.iter().take(taken));
        reader.consume(taken);
        if end.is_some() || taken == 0 || foreign {
            return Ok(line);
        }
    }
}

fn parse(fields: &[u8], name: &str) -> Result<Header, SourceError> {
    let (mut width, mut height, mut fps, mut full_range) = (None, None, None, false);
    for field in fields.split(|&byte| byte == b' ') {
        let Some((&key, value)) = field.split_first() else {
            continue;
        };
        // What is shown of it must not break the line of an error; an escaped value is as invalid as it was.
        let text = String::from_utf8_lossy(value);
        let text = text.replace(char::is_control, "\u{fffd}");
        match key {
            b'W' => width = Some(side(&text, "width", name)?),
            b'H' => height = Some(side(&text, "height", name)?),
            b'F' => fps = rate(&text, name)?,
            b'A' => {
                ratio(&text).ok_or_else(|| {
                    header_error(name, format!("has no valid pixel aspect: `A{text}`"))
                })?;
            }
            b'C' => check_colour_space(&text, name)?,
            b'X' if value.eq_ignore_ascii_case(b"COLORRANGE=FULL") => full_range = true,
            _ => {}
        }
    }
    let missing = |what: &str| header_error(name, format!("has no {what}"));
    let width = width.ok_or_else(|| missing("width (the `W` field)"))?;
    let height = height.ok_or_else(|| missing("height (the `H` field)"))?;
    if width * height > MAX_PIXELS {
        let problem = format!(
            "asks for pictures of {width} x {height} pixels, and {MAX_PIXELS} pixels are the limit"
        );
        return Err(header_error(name, problem));
    }
    Ok(Header {
        line: Vec::new(),
        width,
        height,
        fps,
        full_range,
    })
}

fn side(text: &str, what: &str, name: &str) -> Result<usize, SourceError> {
    // Digits too many for the type are a number all the same, and the sentence about the limit fits them.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.parse::<usize>().unwrap_or(usize::MAX);
    if !digits {
        Err(header_error(
            name,
            format!("has no valid {what}: `{text}` is not a number"),
        ))
    } else if value == 0 {
        Err(header_error(name, format!("says that its {what} is 0")))
    } else if value > MAX_SIDE {
        Err(header_error(
            name,
            format!("says that its {what} is {text} pixels, and {MAX_SIDE} is the limit"),
        ))
    } else {
        Ok(value)
    }
}

/// The rate; `None` for `0:0`, which the format uses for "unknown".
fn rate(text: &str, name: &str) -> Result<Option<f64>, SourceError> {
    let invalid = || header_error(name, format!("has no valid frame rate: `F{text}`"));
    match ratio(text).ok_or_else(invalid)? {
        (0, _) | (_, 0) => Ok(None),
        (numerator, denominator) => Ok(Some(f64::from(numerator) / f64::from(denominator))),
    }
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.split_once(':')?;
    Some((numerator.parse().ok()?, denominator.parse().ok()?))
}

fn check_colour_space(value: &str, name: &str) -> Result<(), SourceError> {
    const SUPPORTED: [&str; 7] = [
        "420", "420jpeg", "420paldv", "420mpeg2", "422", "444", "mono",
    ];
    if SUPPORTED.contains(&value) {
        return Ok(());
    }
    Err(SourceError::ColourSpace {
        name: name.to_owned(),
        colour_space: value.to_owned(),
    })
}

fn header_error(name: &str, problem: String) -> SourceError {
    SourceError::Header {
        name: name.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> Result<Header, String> {
        read(&mut &*bytes, "x.y4m", "convert x.y4m").map_err(|error| error.to_string())
    }

    fn refusal(bytes: &[u8]) -> String {
        header(bytes).expect_err("refused")
    }

    #[test]
    fn a_good_header_is_read_whole() {
        let line: &[u8] = b"YUV4MPEG2 W640 H360 F30000:1001 It A1:1 C420jpeg XCOLORRANGE=FULL\n";
        let header = header(&[line, b"FRAME\n"].concat()).expect("good");
        assert_eq!((header.width, header.height), (640, 360));
        assert!((header.fps.expect("rate") - 29.97).abs() < 0.001);
        assert!(header.full_range);
        assert_eq!(header.line, line);
    }

    #[test]
    fn an_unknown_rate_is_none() {
        assert_eq!(header(b"YUV4MPEG2 W2 H2 F0:0\n").map(|h| h.fps), Ok(None));
        assert_eq!(header(b"YUV4MPEG2 W2 H2\n").map(|h| h.fps), Ok(None));
    }

    #[test]
    fn each_refusal_names_the_field_and_the_value() {
        assert!(refusal(b"YUV4MPEG2 W0 H2 F1:1\n").contains("width is 0"));
        assert!(refusal(b"YUV4MPEG2 W2 H0 F1:1\n").contains("height is 0"));
        assert!(refusal(b"YUV4MPEG2 W2\n").contains("no height"));
        assert!(refusal(b"YUV4MPEG2\n").contains("no width"));
        assert!(refusal(b"YUV4MPEG2 Wx H2\n").contains("`x` is not a number"));
        assert!(refusal(b"YUV4MPEG2 W99999999999999999999999 H2\n").contains("16384 is the limit"));
        assert!(refusal(b"YUV4MPEG2 W4294967296 H4294967296\n").contains("4294967296"));
        assert!(refusal(b"YUV4MPEG2 W2 H2 F30\n").contains("`F30`"));
        assert!(refusal(b"YUV4MPEG2 W2 H2 A1\n").contains("`A1`"));
        let colour = refusal(b"YUV4MPEG2 W2 H2 F1:1 C420p10 XYSCSS=420P10\n");
        assert!(colour.contains("420p10") && colour.contains("-pix_fmt yuv420p"));
    }

    #[test]
    fn what_is_no_header_is_said_to_be_none() {
        assert_eq!(refusal(b""), "x.y4m is empty");
        let text = refusal(b"hello\nworld, this is no video\n");
        assert!(text.contains("looks like a text file"), "{text}");
        assert!(text.contains("convert x.y4m"), "{text}");
        assert!(refusal(b"YUV4MPEG3 W2 H2\n").contains("not YUV4MPEG2"));
        assert!(refusal(b"YUV").contains("not YUV4MPEG2"));
        assert!(refusal(b"YUV4MPEG2 W2 H2").contains("ends at byte 15"));
        let long = [b"YUV4MPEG2 W2 H2 X".as_slice(), &[b'y'; 2000]].concat();
        assert!(refusal(&long).contains("longer than 1024"));
    }
}
