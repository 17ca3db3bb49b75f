//! A frame as a JPEG picture.

use jpeg_encoder::{Encoder, EncodingError, ImageBuffer, JpegColorType};

use crate::frame::Frame;

/// 0..=100; enough for a model to see what there is, at about a tenth of the bytes of the best.
const QUALITY: u8 = 85;

/// Why a frame has no JPEG.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JpegError {
    /// JPEG has 16 bits for each side.
    #[error("{width}x{height} pixels are too many")]
    Size {
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The encoder's own complaint.
    #[error(transparent)]
    Encoder(#[from] EncodingError),
}

/// Encodes the frame, in colour where it has any.
pub(crate) fn encode(frame: &Frame) -> Result<Vec<u8>, JpegError> {
    let size = JpegError::Size {
        width: frame.width,
        height: frame.height,
    };
    let (Ok(width), Ok(height)) = (u16::try_from(frame.width), u16::try_from(frame.height)) else {
        return Err(size);
    };
    let mut bytes = Vec::with_capacity(frame.luma.len() / 4);
    Encoder::new(&mut bytes, QUALITY).encode_image(Picture {
        frame,
        width,
        height,
        luma: luma_table(frame.full_range),
        chroma: chroma_table(frame.full_range),
    })?;
    Ok(bytes)
}

/// A frame as the encoder wants it: full range, and chroma as large as luma.
struct Picture<'a> {
    frame: &'a Frame,
    width: u16,
    height: u16,
    luma: [u8; 256],
    chroma: [u8; 256],
}

impl ImageBuffer for Picture<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        if self.frame.cb.is_empty() {
            JpegColorType::Luma
        } else {
            JpegColorType::Ycbcr
        }
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, row: u16, buffers: &mut [Vec<u8>; 4]) {
        let frame = self.frame;
        let (shift_x, shift_y) = frame.subsampling.shifts();
        let (chroma_width, _) = frame.subsampling.chroma_size(frame.width, frame.height);
        let row = usize::from(row);
        let chroma_row = row >> shift_y;
        let [luma, cb, cr, _] = buffers;
        luma.extend(pixels(&frame.luma, row, frame.width, &self.luma));
        for (buffer, plane) in [(cb, &frame.cb), (cr, &frame.cr)] {
            let wide = pixels(plane, chroma_row, chroma_width, &self.chroma)
                .flat_map(|pixel| std::iter::repeat_n(pixel, 1 << shift_x));
            // Two for one: an odd width has one too many.
            buffer.extend(wide.take(frame.width));
        }
    }
}

/// One row of a plane, looked up in `table`.
fn pixels(plane: &[u8], row: usize, width: usize, table: &[u8; 256]) -> impl Iterator<Item = u8> {
    let row = plane.iter().skip(row * width).take(width);
    row.filter_map(|&pixel| table.get(usize::from(pixel)).copied())
}

/// 16..=235 stretched to 0..=255, unless it runs so far already.
fn luma_table(full_range: bool) -> [u8; 256] {
    table(full_range, 16, 219, 0)
}

/// 16..=240 around 128 stretched to 0..=255 around 128.
fn chroma_table(full_range: bool) -> [u8; 256] {
    table(full_range, 128, 224, 128)
}

/// `(value - zero) * 255 / range + offset`, rounded and clamped.
fn table(full_range: bool, zero: i32, range: i32, offset: i32) -> [u8; 256] {
    std::array::from_fn(|value| {
        let identity = u8::try_from(value).unwrap_or(u8::MAX);
        if full_range {
            return identity;
        }
        let twice = (i32::from(identity) - zero) * 510;
        let rounded = (twice + range * twice.signum()) / (2 * range);
        u8::try_from((rounded + offset).clamp(0, 255)).unwrap_or(u8::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Subsampling;

    #[test]
    fn limited_range_is_stretched_to_its_ends() {
        let luma = luma_table(false);
        assert_eq!((luma[0], luma[16], luma[235], luma[255]), (0, 0, 255, 255));
        assert_eq!(luma[125], 127);
        let chroma = chroma_table(false);
        assert_eq!((chroma[16], chroma[128], chroma[240]), (0, 128, 255));
        assert_eq!(luma_table(true)[77], 77);
    }

    #[test]
    fn rows_are_as_wide_as_the_picture_in_every_plane() {
        for subsampling in [
            Subsampling::Mono,
            Subsampling::Yuv420,
            Subsampling::Yuv422,
            Subsampling::Yuv444,
        ] {
            let mut frame = Frame::empty();
            frame.resize(5, 3, subsampling);
            let picture = Picture {
                frame: &frame,
                width: 5,
                height: 3,
                luma: luma_table(true),
                chroma: chroma_table(true),
            };
            let chroma = if frame.cb.is_empty() { 0 } else { 5 };
            for row in 0..3 {
                let mut buffers: [Vec<u8>; 4] = std::array::from_fn(|_| Vec::new());
                picture.fill_buffers(row, &mut buffers);
                let lengths = buffers.map(|buffer| buffer.len());
                assert_eq!(lengths, [5, chroma, chroma, 0], "{subsampling:?} {row}");
            }
            let jpeg = encode(&frame).expect("encodes");
            assert!(jpeg.starts_with(b"\xFF\xD8") && jpeg.ends_with(b"\xFF\xD9"));
        }
    }
}
