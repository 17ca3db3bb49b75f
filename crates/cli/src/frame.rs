//! One picture: 8-bit luma and chroma planes.

/// How much smaller the chroma planes are than the luma plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subsampling {
    /// No chroma at all.
    Mono,
    /// Half the width and half the height.
    Yuv420,
    /// Half the width, full height.
    Yuv422,
    /// Full size.
    Yuv444,
}

impl Subsampling {
    /// Width and height of one chroma plane in pixels, rounded up; (0, 0) for mono.
    pub fn chroma_size(self, width: usize, height: usize) -> (usize, usize) {
        match self {
            Self::Mono => (0, 0),
            Self::Yuv420 => (width.div_ceil(2), height.div_ceil(2)),
            Self::Yuv422 => (width.div_ceil(2), height),
            Self::Yuv444 => (width, height),
        }
    }

    /// By how many bits a luma coordinate is shifted right to get the chroma coordinate: (x, y).
    pub fn shifts(self) -> (u32, u32) {
        match self {
            Self::Mono | Self::Yuv444 => (0, 0),
            Self::Yuv420 => (1, 1),
            Self::Yuv422 => (1, 0),
        }
    }
}

/// A picture and its number in the input. Made once and filled again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The size of the chroma planes.
    pub subsampling: Subsampling,
    /// Brightness, `width * height` bytes, row by row from the top left.
    pub luma: Vec<u8>,
    /// Blue difference, 128 is neutral; empty for mono.
    pub cb: Vec<u8>,
    /// Red difference, 128 is neutral; empty for mono.
    pub cr: Vec<u8>,
    /// Whether luma runs over 0..=255 (true) or 16..=235 (false).
    pub full_range: bool,
    /// The frame's number in the input, from 0. Frames a live source skipped have numbers too.
    pub number: u64,
}

impl Frame {
    /// A frame without pixels; the first source to fill it gives it its size.
    pub fn empty() -> Self {
        Self {
            width: 0,
            height: 0,
            subsampling: Subsampling::Mono,
            luma: Vec::new(),
            cb: Vec::new(),
            cr: Vec::new(),
            full_range: false,
            number: 0,
        }
    }

    /// Gives the planes the size they need; allocates only when the size has grown.
    pub fn resize(&mut self, width: usize, height: usize, subsampling: Subsampling) {
        self.width = width;
        self.height = height;
        self.subsampling = subsampling;
        let (chroma_width, chroma_height) = subsampling.chroma_size(width, height);
        self.luma.resize(width * height, 0);
        self.cb.resize(chroma_width * chroma_height, 128);
        self.cr.resize(chroma_width * chroma_height, 128);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chroma_planes_round_up_for_odd_sizes() {
        let mut frame = Frame::empty();
        for (subsampling, expected) in [
            (Subsampling::Mono, 0),
            (Subsampling::Yuv420, 3 * 2),
            (Subsampling::Yuv422, 3 * 3),
            (Subsampling::Yuv444, 5 * 3),
        ] {
            frame.resize(5, 3, subsampling);
            assert_eq!(frame.luma.len(), 15);
            assert_eq!(frame.cb.len(), expected);
            assert_eq!(frame.cr.len(), expected);
        }
    }
}
