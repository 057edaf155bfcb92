//! Bodies made smaller, in ways that HTTP has a name for, while they are written.

use std::fmt;
use std::io::{Read as _, Write as _};

use flate2::write::GzEncoder;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

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
        if self == Compression::None {
            return body;
        }
        let mut compressed = Body::new(self, body.len());
        compressed.extend(&body);
        compressed.finish()
    }
}

/// What was compressed under this `Content-Encoding`; none if it cannot be read.
pub(super) fn decompressed(content_encoding: Option<&str>, body: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(body.len() * 4);
    match content_encoding {
        None => plain.extend_from_slice(body),
        Some("gzip") => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut plain).ok()?),
        Some("lz4") => drop(lz4_flex::frame::FrameDecoder::new(body).read_to_end(&mut plain).ok()?),
        #[cfg(feature = "zstd")]
        Some("zstd") => zstd::stream::copy_decode(body, &mut plain).ok()?,
        Some(_) => return None,
    }
    Some(plain)
}

/// A body that is compressed as it is written, so that it never exists as a whole in any other form.
pub(super) struct Body {
    /// What is not compressed yet.
    pending: Vec<u8>,
    codec: Codec,
}

enum Codec {
    None,
    Gzip(GzEncoder<Vec<u8>>),
    Lz4(Lz4),
    #[cfg(feature = "zstd")]
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

/// Compressed at a time. Up to here LZ4's table has entries of 16 bits and stays in the processor's nearest cache; it looks
/// no further back than 64 KiB anyway.
const BLOCK: usize = u16::MAX as usize - 1;

/// The memory that compressing took, for the next body: small bodies would take longer to get theirs from the system than
/// to be compressed.
#[derive(Default)]
pub(super) struct Spare {
    pending: Vec<u8>,
    /// LZ4's table, and where a block is compressed to.
    lz4: Option<(CompressTable, Vec<u8>)>,
}

impl Body {
    /// An empty body, which will have this size before it is compressed.
    pub(super) fn new(compression: Compression, size: usize) -> Self {
        Self::in_spare(compression, size, &mut Spare::default())
    }

    /// The same, in memory that was used before.
    pub(super) fn in_spare(compression: Compression, size: usize, spare: &mut Spare) -> Self {
        let room = Vec::with_capacity(size / 4 + 64);
        let (pending, codec) = match compression {
            Compression::None => (size, Codec::None),
            Compression::Gzip => (BLOCK.min(size), Codec::Gzip(GzEncoder::new(room, flate2::Compression::fast()))),
            Compression::Lz4 => (BLOCK.min(size), Codec::Lz4(Lz4::new(room, size, spare))),
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(room, 1).expect("memory for zstd's tables");
                // Small bodies need small tables.
                encoder.set_pledged_src_size(Some(size as u64)).expect("nothing was written yet");
                (BLOCK.min(size), Codec::Zstd(encoder))
            }
        };
        // Without a codec this is the body itself, and not to be given back.
        let mut memory = if matches!(codec, Codec::None) { Vec::new() } else { std::mem::take(&mut spare.pending) };
        memory.reserve(pending);
        Body { pending: memory, codec }
    }

    #[inline]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if matches!(self.codec, Codec::None) || self.pending.len() + bytes.len() < BLOCK {
            self.pending.extend_from_slice(bytes);
        } else {
            self.spill(bytes);
        }
    }

    /// Appends the same bytes many times.
    pub(super) fn repeat(&mut self, bytes: &[u8], mut times: u64) {
        const TILE: usize = 4096;
        let in_tile = (TILE / bytes.len().max(1)) as u64;
        if times >= in_tile && in_tile > 1 {
            let tile = bytes.repeat(in_tile as usize);
            while times >= in_tile {
                self.extend(&tile);
                times -= in_tile;
            }
        }
        for _ in 0..times {
            self.extend(bytes);
        }
    }

    /// The body in its final form.
    pub(super) fn finish(self) -> Vec<u8> {
        self.finish_into(&mut Spare::default())
    }

    /// The same, and what memory can be used again.
    pub(super) fn finish_into(mut self, spare: &mut Spare) -> Vec<u8> {
        self.codec.write(&self.pending);
        let body = match self.codec {
            Codec::None => return self.pending,
            Codec::Gzip(encoder) => encoder.finish().expect("writing to memory does not fail"),
            Codec::Lz4(encoder) => encoder.finish(spare),
            #[cfg(feature = "zstd")]
            Codec::Zstd(encoder) => encoder.finish().expect("as much was written as was said"),
        };
        self.pending.clear();
        spare.pending = self.pending;
        body
    }

    fn spill(&mut self, mut bytes: &[u8]) {
        while let Some((now, rest)) = bytes.split_at_checked(BLOCK - self.pending.len()) {
            if self.pending.is_empty() {
                self.codec.write(now);
            } else {
                self.pending.extend_from_slice(now);
                self.codec.write(&self.pending);
                self.pending.clear();
            }
            bytes = rest;
        }
        self.pending.extend_from_slice(bytes);
    }
}

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl Codec {
    /// Takes at most [`BLOCK`] bytes.
    fn write(&mut self, bytes: &[u8]) {
        match self {
            Codec::None => {}
            Codec::Gzip(encoder) => encoder.write_all(bytes).expect("writing to memory does not fail"),
            Codec::Lz4(encoder) => encoder.write(bytes),
            #[cfg(feature = "zstd")]
            Codec::Zstd(encoder) => encoder.write_all(bytes).expect("writing to memory does not fail"),
        }
    }
}

/// A frame of blocks that are read on their own, without checksums: TCP has one.
///
/// The frame is a magic number, a descriptor, blocks with their sizes, and a size of zero
/// (`lz4_Frame_format.md`, version 1.6).
struct Lz4 {
    frame: Vec<u8>,
    table: CompressTable,
    /// Where a block is compressed to.
    room: Vec<u8>,
}

impl Lz4 {
    /// Blocks of at most 64 KiB, independent, and the descriptor's own checksum.
    const HEAD: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
    const AS_IT_IS: u32 = 1 << 31;

    fn new(mut frame: Vec<u8>, size: usize, spare: &mut Spare) -> Self {
        frame.extend_from_slice(&Lz4::HEAD);
        let (table, mut room) = spare.lz4.take().unwrap_or_else(|| (CompressTable::small(), Vec::new()));
        let most = get_maximum_output_size(BLOCK.min(size));
        if room.len() < most {
            room.resize(most, 0);
        }
        Lz4 { frame, table, room }
    }

    fn write(&mut self, block: &[u8]) {
        if block.is_empty() {
            return;
        }
        match compress_into_with_table(block, &mut self.room, &mut self.table) {
            Ok(length) if length < block.len() => {
                self.frame.extend_from_slice(&(length as u32).to_le_bytes());
                self.frame.extend_from_slice(&self.room[..length]);
            }
            _ => {
                self.frame.extend_from_slice(&(block.len() as u32 | Lz4::AS_IT_IS).to_le_bytes());
                self.frame.extend_from_slice(block);
            }
        }
    }

    fn finish(mut self, spare: &mut Spare) -> Vec<u8> {
        self.frame.extend_from_slice(&0_u32.to_le_bytes());
        spare.lz4 = Some((self.table, self.room));
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(compression: Compression, body: &[u8]) -> Vec<u8> {
        decompressed(compression.content_encoding(), body).unwrap()
    }

    const ALL: &[Compression] = &[
        Compression::None,
        Compression::Gzip,
        Compression::Lz4,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
    ];

    #[test]
    fn every_compression_is_undone_by_its_own_decoder() {
        let noise = |i: usize| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        let text = |i: usize| b"SELECT count() FROM otel_traces"[i % 31];
        for size in [0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 << 20] {
            for byte in [&noise as &dyn Fn(usize) -> u8, &text] {
                let body: Vec<u8> = (0..size).map(byte).collect();
                for &compression in ALL {
                    let compressed = compression.compress(body.clone());
                    assert!(undone(compression, &compressed) == body, "{compression:?} {size}");
                }
            }
        }
    }

    #[test]
    fn what_was_cut_is_not_undone() {
        for &compression in ALL.iter().filter(|compression| **compression != Compression::None) {
            let compressed = compression.compress(b"SELECT 1".repeat(100));
            assert_eq!(decompressed(compression.content_encoding(), &compressed[..compressed.len() / 2]), None);
        }
        assert_eq!(decompressed(Some("br"), b""), None);
    }

    #[test]
    fn memory_that_was_used_leaves_no_trace() {
        for &compression in ALL {
            let mut spare = Spare::default();
            for size in [BLOCK + 1, 100, 0, 3 * BLOCK, 1] {
                let whole: Vec<u8> = (0..size).map(|i| (i * i % 251) as u8).collect();
                let mut body = Body::in_spare(compression, size, &mut spare);
                body.extend(&whole);
                let finished = body.finish_into(&mut spare);
                assert!(finished == compression.compress(whole), "{compression:?} {size}");
            }
        }
    }

    #[test]
    fn a_body_written_in_pieces_is_the_body_written_whole() {
        for &compression in ALL {
            for (piece, times) in [(0, 3), (1, 5), (1, 200_000), (300, 1000), (5000, 100), (BLOCK - 1, 3), (BLOCK, 3)] {
                let piece: Vec<u8> = (0..piece).map(|i: usize| i as u8).collect();
                let mut whole = vec![b'<'];
                let size = piece.len() * times as usize + 2;
                let mut body = Body::new(compression, size);
                body.extend(b"<");
                body.repeat(&piece, times);
                body.extend(b">");
                whole.extend(piece.repeat(times as usize));
                whole.push(b'>');
                assert!(undone(compression, &body.finish()) == whole, "{compression:?} {} {times}", piece.len());
            }
        }
    }
}
