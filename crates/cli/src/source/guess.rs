//! What a file that is not YUV4MPEG2 seems to be, so that the error can say so.

/// How many bytes of the beginning are worth looking at.
pub(crate) const PEEK: usize = 512;

/// The kind of file that begins with `head`, with its article; `None` when it could be anything.
pub(crate) fn kind(head: &[u8]) -> Option<&'static str> {
    const STARTS: [(&[u8], &str); 14] = [
        (b"\x1A\x45\xDF\xA3", "a Matroska or WebM file"),
        (b"FLV", "a Flash video"),
        (b"OggS", "an Ogg file"),
        (b"\x00\x00\x01\xBA", "an MPEG program stream"),
        (b"\x00\x00\x01\xB3", "an MPEG video stream"),
        (b"\x00\x00\x00\x01", "a raw H.264 or H.265 stream"),
        (b"\x00\x00\x01", "a raw H.264 or H.265 stream"),
        (b"DKIF", "an IVF file"),
        (b"\x89PNG", "a PNG image"),
        (b"\xFF\xD8\xFF", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"\x1F\x8B", "a gzip archive"),
        (b"PK\x03\x04", "a zip archive"),
        (b"#EXTM3U", "an HLS playlist"),
    ];
    if let Some((_, name)) = STARTS.iter().find(|(start, _)| head.starts_with(start)) {
        return Some(name);
    }
    match (head.get(..4), head.get(4..8), head.get(8..12)) {
        (_, Some(b"ftyp" | b"moov" | b"mdat" | b"wide"), _) => Some("an MP4 or QuickTime file"),
        (Some(b"RIFF"), _, Some(b"AVI ")) => Some("an AVI file"),
        (Some(b"RIFF"), _, Some(b"WAVE")) => Some("a WAV file"),
        _ if is_transport_stream(head) => Some("an MPEG transport stream"),
        _ if is_text(head) => Some("a text file"),
        _ => None,
    }
}

/// A transport stream has its sync byte every 188 bytes; one alone may be chance.
fn is_transport_stream(head: &[u8]) -> bool {
    [0, 188, 376].iter().all(|&at| head.get(at) == Some(&0x47))
}

fn is_text(head: &[u8]) -> bool {
    !head.is_empty()
        && head
            .iter()
            .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_containers_are_recognised() {
        assert_eq!(
            kind(b"\x00\x00\x00\x20ftypisom"),
            Some("an MP4 or QuickTime file")
        );
        assert_eq!(kind(b"RIFF\x10\x00\x00\x00AVI LIST"), Some("an AVI file"));
        assert_eq!(
            kind(b"\x1A\x45\xDF\xA3rest"),
            Some("a Matroska or WebM file")
        );
        assert_eq!(kind(b"hello, world\n"), Some("a text file"));
        let mut transport = vec![0_u8; 400];
        for at in [0, 188, 376] {
            transport[at] = 0x47;
        }
        assert_eq!(kind(&transport), Some("an MPEG transport stream"));
    }

    #[test]
    fn the_unknown_and_the_empty_have_no_name() {
        assert_eq!(kind(b""), None);
        assert_eq!(kind(b"\x80\x81\x82"), None);
        assert_eq!(kind(b"RIFF"), Some("a text file"));
    }
}
