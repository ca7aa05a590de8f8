//! The picture of what the destination has of a mirror.

use crate::bytes::{Mark, Position};
use crate::image::Image;
use crate::layout::BlockAt;
use crate::mark_slots::MarkSlots;
use std::collections::BTreeSet;

/// What a server keeps of a mirror.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keeps {
    /// Nothing that anybody relies on: it is not the mirror, or not there.
    Nothing,
    /// It is to become the mirror, and its image is at no prefix until the first resync is sealed (LR7).
    Void,
    /// A copy.
    Copy,
}

/// The picture of the destination's side.
#[derive(Debug)]
pub(crate) struct Copy {
    pub keeps: Keeps,
    /// It had handed the clients over, and has taken them back by force (LR8): its mark is its own, and goes on.
    pub reclaims: bool,
    pub image: Image,
    pub mark_stable: Mark,
    pub mark_slots: MarkSlots,
    pub mark_current: Mark,
    /// End of the chain in stable bytes; in all bytes written; in stable files.
    pub end_stable: u64,
    pub end_current: u64,
    pub filed: u64,
    /// Greatest index ever put into a file (stable; written).
    pub top_stable: u64,
    pub top_current: u64,
    /// Records without a good copy left, by the rig's doing.
    pub damaged: BTreeSet<u64>,
    /// Records of uncleared files of which the rig has damaged some copy and that were not durably filed again since. Nobody can know that
    /// before it is read: if the other copies are removed in good faith, the record is lost by the rig's doing.
    pub rotten: BTreeSet<u64>,
    /// The rig has damaged something whose range is not a record, or emptied the NVRAM.
    pub harmed: bool,
    /// It was only the NVRAM: everything up to this index must be held and promised again to be whole.
    pub emptied: Option<u64>,
    /// It was a resync file, too: until one is in the image as a whole the image may be at no prefix. Whether the rest of it stays
    /// harmed then.
    pub unrolled: Option<bool>,
    /// Its disk of the images was exchanged: how far that goes nobody can ask, as long as it is said.
    pub replaced: bool,
    /// Some record stands in two segments or two files.
    pub doubled: bool,
    /// When a superblock in recovery became durable.
    pub fenced: Option<u64>,
    /// Blocks that were changed in the image since then.
    pub since_fence: BTreeSet<BlockAt>,
    /// Index that a real recovery reached.
    pub recovered: Option<u64>,
    /// Damage has left no valid superblock.
    pub lost: bool,
    /// Highest generation for which a SyncRequest has come.
    pub asked: u64,
    /// Greatest position told to the source at level nvram, and since which epoch.
    pub told: Position,
    pub told_epoch: u64,
    /// The policy in its last durable superblock that was not that of the clients' server.
    pub policy: u64,
    /// It stands in the place of one that was lost, and nothing was sealed there yet.
    pub empty: bool,
}

impl Copy {
    pub fn new() -> Self {
        Copy {
            keeps: Keeps::Copy,
            reclaims: false,
            image: Image::new(),
            mark_stable: Mark::default(),
            mark_slots: MarkSlots::default(),
            mark_current: Mark::default(),
            end_stable: 0,
            end_current: 0,
            filed: 0,
            top_stable: 0,
            top_current: 0,
            damaged: BTreeSet::new(),
            rotten: BTreeSet::new(),
            harmed: false,
            emptied: None,
            unrolled: None,
            replaced: false,
            doubled: false,
            fenced: None,
            since_fence: BTreeSet::new(),
            recovered: None,
            lost: false,
            asked: 0,
            told: Position::default(),
            told_epoch: 0,
            policy: 0,
            empty: false,
        }
    }
}
