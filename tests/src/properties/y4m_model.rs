//! YUV4MPEG2 by its definition, with everything in memory.

/// What a stream holds.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) header_bytes: u64,
    pub(super) frame_bytes: u64,
    /// Luma and both chroma planes of each whole frame.
    pub(super) frames: Vec<[Vec<u8>; 3]>,
    pub(super) end: End,
}

/// How a stream ends, with the place in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Behind a whole frame.
    Clean,
    /// Inside a frame; here the bytes end.
    Torn(u64),
    /// Something else stands where this frame should begin.
    Damaged(u64),
}

struct Header {
    width: usize,
    height: usize,
    chroma: (usize, usize),
}

/// `None`: the header must be refused.
pub(super) fn parse(bytes: &[u8]) -> Option<Model> {
    let end = bytes.iter().take(1024).position(|&byte| byte == b'\n')?;
    let header = parse_header(&bytes[..end])?;
    let chroma = header.chroma.0 * header.chroma.1;
    let planes = [header.width * header.height, chroma, chroma];
    let mut model = Model {
        width: header.width,
        height: header.height,
        header_bytes: end as u64 + 1,
        frame_bytes: planes.iter().sum::<usize>() as u64,
        frames: Vec::new(),
        end: End::Clean,
    };
    let mut at = end + 1;
    while at < bytes.len() {
        match parse_frame(&bytes[at..], planes) {
            Ok((frame, length)) => {
                model.frames.push(frame);
                at += length;
            }
            Err(End::Damaged(_)) => {
                model.end = End::Damaged(at as u64);
                break;
            }
            Err(_) => {
                model.end = End::Torn(bytes.len() as u64);
                break;
            }
        }
    }
    Some(model)
}

fn parse_header(line: &[u8]) -> Option<Header> {
    let mut fields = line.split(|&byte| byte == b' ');
    let (mut width, mut height, mut chroma) = (None, None, (2, 2));
    if fields.next() != Some(b"YUV4MPEG2") {
        return None;
    }
    for field in fields {
        let Some((key, value)) = field.split_first() else {
            continue;
        };
        match key {
            b'W' => width = Some(side(value)?),
            b'H' => height = Some(side(value)?),
            b'F' | b'A' => check_ratio(value)?,
            b'C' => chroma = divisors(value)?,
            _ => {}
        }
    }
    let (width, height) = (width?, height?);
    let chroma = match chroma {
        (0, _) => (0, 0),
        (x, y) => (width.div_ceil(x), height.div_ceil(y)),
    };
    (width * height <= 1 << 26).then_some(Header {
        width,
        height,
        chroma,
    })
}

fn side(value: &[u8]) -> Option<usize> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let side = std::str::from_utf8(value).ok()?.parse().ok()?;
    (digits && (1..=16_384).contains(&side)).then_some(side)
}

fn check_ratio(value: &[u8]) -> Option<()> {
    let (numerator, denominator) = std::str::from_utf8(value).ok()?.split_once(':')?;
    let [_, _]: [u32; 2] = [numerator.parse().ok()?, denominator.parse().ok()?];
    Some(())
}

/// By how much the chroma planes are smaller; zero: there are none.
fn divisors(value: &[u8]) -> Option<(usize, usize)> {
    match value {
        b"420" | b"420jpeg" | b"420paldv" | b"420mpeg2" => Some((2, 2)),
        b"422" => Some((2, 1)),
        b"444" => Some((1, 1)),
        b"mono" => Some((0, 0)),
        _ => None,
    }
}

/// A frame and its length with its header.
fn parse_frame(bytes: &[u8], planes: [usize; 3]) -> Result<([Vec<u8>; 3], usize), End> {
    let line = match bytes.iter().take(1024).position(|&byte| byte == b'\n') {
        Some(end) => &bytes[..end],
        None if bytes.len() >= 1024 => return Err(End::Damaged(0)),
        None => return Err(End::Torn(0)),
    };
    match line.strip_prefix(b"FRAME") {
        Some([] | [b' ', ..]) => {}
        _ => return Err(End::Damaged(0)),
    }
    let mut at = line.len() + 1;
    let mut frame: [Vec<u8>; 3] = Default::default();
    for (plane, size) in frame.iter_mut().zip(planes) {
        let pixels = bytes.get(at..at + size).ok_or(End::Torn(0))?;
        *plane = pixels.to_vec();
        at += size;
    }
    Ok((frame, at))
}
