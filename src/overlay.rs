//! The newest bytes above the applied cursor, folded over blocks by reads (SR6).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::Bytes;

#[derive(Clone, Debug)]
struct Piece {
    /// `None` = zeros.
    data: Option<Bytes>,
    length: u64,
    ordinal: u64,
}

impl Piece {
    fn cut(&self, from: u64, to: u64) -> Piece {
        Piece {
            data: self.data.as_ref().map(|d| d.slice(from as usize..to as usize)),
            length: to - from,
            ordinal: self.ordinal,
        }
    }
}

/// Unapplied bytes of one volume, each piece with the ordinal of the record that wrote it.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    pieces: BTreeMap<u64, Piece>,
}

impl Overlay {
    /// A record's bytes; `data` of `None` means zeros.
    pub fn put(&mut self, offset: u64, length: u64, data: Option<Bytes>, ordinal: u64) {
        let end = offset + length;
        if let Some((&start, piece)) = self.pieces.range(..offset).next_back() {
            let piece_end = start + piece.length;
            if piece_end > offset {
                let left = piece.cut(0, offset - start);
                let right = (piece_end > end).then(|| piece.cut(end - start, piece.length));
                self.pieces.insert(start, left);
                if let Some(right) = right {
                    self.pieces.insert(end, right);
                }
            }
        }
        while let Some((&start, piece)) = self.pieces.range(offset..end).next() {
            let piece_end = start + piece.length;
            let right = (piece_end > end).then(|| piece.cut(end - start, piece.length));
            self.pieces.remove(&start);
            if let Some(right) = right {
                self.pieces.insert(end, right);
            }
        }
        self.pieces.insert(offset, Piece { data, length, ordinal });
    }

    /// Folds the pieces over `base`, the bytes from `offset`; returns the greatest ordinal shown plus one.
    pub fn fold(&self, offset: u64, base: &mut [u8]) -> u64 {
        let end = offset + base.len() as u64;
        let mut shown = 0;
        for (start, piece) in self.over(offset, end) {
            let from = start.max(offset);
            let to = (start + piece.length).min(end);
            let target = &mut base[(from - offset) as usize..(to - offset) as usize];
            match &piece.data {
                Some(data) => target.copy_from_slice(&data[(from - start) as usize..(to - start) as usize]),
                None => target.fill(0),
            }
            shown = shown.max(piece.ordinal + 1);
        }
        shown
    }

    /// Whether every byte of the range is here, so that no block need be read.
    pub fn covers(&self, offset: u64, length: u64) -> bool {
        let end = offset + length;
        let mut at = offset;
        for (start, piece) in self.over(offset, end) {
            if start > at {
                return false;
            }
            at = start + piece.length;
        }
        at >= end
    }

    fn over(&self, offset: u64, end: u64) -> impl Iterator<Item = (u64, &Piece)> {
        let first = match self.pieces.range(..=offset).next_back() {
            Some((&start, piece)) if start + piece.length > offset => start,
            _ => offset,
        };
        self.pieces.range(first..end.max(first)).map(|(start, piece)| (*start, piece))
    }

    /// Forgets what records below this ordinal wrote: it is in the blocks.
    pub fn drop_below(&mut self, ordinal: u64) {
        let gone: Vec<u64> =
            self.pieces.iter().filter(|(_, p)| p.ordinal < ordinal).map(|(start, _)| *start).collect();
        for start in gone {
            self.pieces.remove(&start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn folds_like_a_flat_buffer(writes in proptest::collection::vec((0u64..60, 1u64..30, any::<bool>()), 0..30)) {
            let mut flat = alloc::vec![7u8; 96];
            let mut overlay = Overlay::default();
            for (i, (offset, length, zero)) in writes.iter().enumerate() {
                let byte = i as u8 + 10;
                let data = (!zero).then(|| Bytes::from(alloc::vec![byte; *length as usize]));
                overlay.put(*offset, *length, data, i as u64);
                flat[*offset as usize..(*offset + *length) as usize].fill(if *zero { 0 } else { byte });
            }
            let mut folded = alloc::vec![7u8; 96];
            overlay.fold(0, &mut folded);
            prop_assert_eq!(folded, flat);
        }
    }
}
