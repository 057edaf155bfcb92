//! Bodies made smaller, in ways that HTTP has a name for.

use std::io::Write as _;

/// How a body is compressed.
///
/// The server reads it by the `Content-Encoding`; ClickHouse's own framing with its own checksums is not needed over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    None,
    /// gzip at level 1: understood by every server and proxy.
    Gzip,
    /// LZ4 in its frame format: the cheapest for both sides.
    #[default]
    Lz4,
    /// zstd at level 1: the smallest. Needs the feature `zstd`.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// The `Content-Encoding` that tells the server; none if the body goes as it is.
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Lz4 => Some("lz4"),
            #[cfg(feature = "zstd")]
            Compression::Zstd => Some("zstd"),
        }
    }

    /// The compressed body.
    pub fn compress(self, body: Vec<u8>) -> Vec<u8> {
        match self {
            Compression::None => body,
            Compression::Gzip => gzip(&body),
            Compression::Lz4 => lz4(&body),
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                zstd::bulk::compress(&body, 1).expect("memory for zstd's tables, and room for its bound")
            }
        }
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let room = Vec::with_capacity(body.len() / 4 + 64);
    let mut encoder = flate2::write::GzEncoder::new(room, flate2::Compression::fast());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}

fn lz4(body: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    // Blocks that know each other find what columns far apart have in common, and TCP has a checksum of its own.
    let info = FrameInfo::new().block_mode(BlockMode::Linked).block_size(BlockSize::Max256KB);
    let room = Vec::with_capacity(body.len() / 2 + 64);
    let mut encoder = FrameEncoder::with_frame_info(info, room);
    encoder.write_all(body).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn every_compression_is_undone_by_its_own_decoder() {
        for size in [0, 1, 100, 70_000, 3 << 20] {
            let body: Vec<u8> = (0..size).map(|i: usize| (i.wrapping_mul(i) >> 5) as u8).collect();
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&*Compression::Gzip.compress(body.clone())).read_to_end(&mut back).unwrap();
            assert!(back == body);
            back.clear();
            let compressed = Compression::Lz4.compress(body.clone());
            lz4_flex::frame::FrameDecoder::new(&*compressed).read_to_end(&mut back).unwrap();
            assert!(back == body);
            #[cfg(feature = "zstd")]
            assert!(zstd::decode_all(&*Compression::Zstd.compress(body.clone())).unwrap() == body);
            assert!(Compression::None.compress(body.clone()) == body);
        }
    }
}
