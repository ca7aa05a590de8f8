//! Where a planted bug may bend a machine. What ships is [`Sound`], zero-sized and constant false: the branches are
//! compiled away. The rows and their stories are in `sim/planted`.

/// A place inside a machine that a planted bug bends. Named by what the bug does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Bend {
    ForwardBeforeDurable,
    FreeOnLocalApply,
    FreeOnApplyIssued,
    AckOnReceipt,
    RemoveOnAppend,
    AppendAgainAtBoot,
    AppendBehindTornTail,
    EndAtBadChecksum,
    ClearWithoutFlush,
    CursorWithoutBlocks,
    RecoverActiveFileOnly,
    NvramBeforeFiles,
    ClearBeforeDurable,
    BindFilesByPosition,
}

/// Decides which bends are in force.
pub trait Quirk: Copy + core::fmt::Debug {
    /// Whether a machine behaves wrongly in this place.
    fn bends(self, bend: Bend) -> bool;
}

/// The protocol as it would ship.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sound;

impl Quirk for Sound {
    #[inline(always)]
    fn bends(self, _: Bend) -> bool {
        false
    }
}

/// A set of bends, for planted bugs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bent(pub u64);

impl Bent {
    /// With one more bend.
    pub fn with(self, bend: Bend) -> Bent {
        Bent(self.0 | 1 << bend as u8)
    }
}

impl Quirk for Bent {
    fn bends(self, bend: Bend) -> bool {
        self.0 & (1 << bend as u8) != 0
    }
}
