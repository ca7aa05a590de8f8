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
    Panic,
    Recurse,
    Loop,
    LendReserves,
    InstallBeforeHeld,
    ApplyWithoutSkip,
    ReplyUnacknowledged,
    ShortOvertakesLong,
    AcceptByPartition,
    SplitAtEnd,
    ApplyShort,
    SyncBySlot,
    SyncOnce,
    DropWhatDoesNotFit,
    HalfRecords,
    TrustBlankNvram,
    CheckPayloadOnly,
    LengthBeforeCheck,
    AppendBehindFragment,
    AcceptAnyOrder,
    SkipZeroes,
    VerdictTooEarly,
    ResendOpenOnly,
    AckOfAnyConnection,
    KeepFormerConnection,
    AnswerAgain,
    AckThoughFenced,
    WelcomeFiled,
    SealEarly,
    ReadAhead,
    ReadHalfApplied,
    AlarmAtCopy,
    BelieveCache,
    KeepEpoch,
    StopSilently,
    IgnoreBattery,
    ReadWithoutPong,
    MarkFirst,
    ForgetReplies,
    IgnoreFailedApply,
    KeepLostTail,
    /// A segment is given out again while its erasure is not durable.
    LendUnerased,
    /// A boot does not erase the segments that nobody owns.
    LendUnswept,
    /// A boot does not put a block in place again whose repair it finds in the journal.
    ForgetRepair,
    /// A block is installed though the cursor has passed what it shows.
    InstallPassed,
    /// A source whose log begins above the cursor of its volumes serves.
    ServeOverHole,
    /// A partition is freed alone, and its blocks are in no durable map.
    FreeBeforeMap,
    /// A write that is admitted during a resync does not put its blocks back.
    ResyncForgetsWrites,
    /// What is in NVRAM is not folded into the blocks of a resync.
    ResyncFromVolume,
    /// The seal of a resync leaves the cursor where it was.
    SealOldCursor,
    /// Clients are answered before the role is durable.
    AnswerBeforeRole,
    /// The image counts as whole before the resync file is in it.
    SkipRoll,
    /// Records are forwarded while the source is Degraded.
    ForwardAlone,
    /// What is freed alone is forgotten in the count of what may be lost.
    CountOnlyNvram,
    /// A weaker policy is welcomed before it is durable.
    WelcomeAnyPolicy,
    /// The window of `semi_sync` is not kept.
    IgnoreWindow,
    /// ResyncSealed is sent before the seal is durable.
    SealedBeforeDurable,
    /// Under `async` records of the open generation leave, too.
    LeaveUnsealed,
    /// A generation is applied once a younger one has begun, asked for or not.
    ApplyUnasked,
    /// `nvram` is acknowledged only with `file` while all that is lent is in use.
    AckWhenRoomy,
    /// A Hello to a fenced mirror is welcomed before it is told so.
    WelcomeFenced,
    /// A write behind which others wait is numbered twice.
    NumberTwice,
    /// A record that comes again is logged again, with another link.
    LogCopies,
    /// Recovery takes what is filed for all there is.
    RecoverFilesOnly,
    /// A destination that serves the clients acknowledges records of the former source.
    AckThoughPromoted,
    /// A promotion does not wait for the records to be in the image.
    ServeUnreplayed,
    /// A recovery is one of all mirrors.
    RecoverAll,
    /// One slot of the mark with which the clients will be served is left as it was.
    BequeathOneSlot,
    /// A fenced source gives up what it has before another server serves the clients.
    LeaveAtFence,
    /// A former source that may have answered alone becomes a mirror all the same.
    MergeSilently,
    /// The clients are handed over before all is answered and in both volumes.
    HandOverEarly,
    /// The other server hears of a hand-over before it is durable.
    HandOverBeforeDurable,
    /// The clients are handed over at once, and taken, whatever the mirror has.
    HandOverBlindly,
    /// What was the source acknowledges records on receipt, as the mirror of its heir.
    AckOnReceiptAsFormer,
    /// Who has handed the clients over goes on answering them.
    AnswerRetired,
    /// Who has recovered a mirror for another server serves its clients meanwhile.
    AnswerAdopted,
    /// Who has handed the clients over becomes a mirror before the other server serves them.
    GiveWayAtFence,
    /// A restart of a recovery forgets that the clients are to be served.
    ForgetWish,
    /// The map of a promotion has what the last life of its recovery has applied.
    MapLastLife,
    /// The generation in which a recovery ended is not closed.
    KeepRecoveredOpen,
    /// Alone, an answer is rolled forward though what was freed has changed the block since.
    HealFromBefore,
    /// A source answers reads before it has spoken to the destination for the first time.
    ReadUnknown,
    /// A resync is said to be sealed although its file was found damaged since.
    SealVoid,
    /// A Welcome that speaks of a record that is not in the log is believed.
    BelieveHeld,
    /// An empty mirror is sent only what has changed since.
    RefillChanged,
    /// A recovery takes an empty image for one of no records.
    RecoverVoid,
    /// Under `strict` clients are answered while an empty mirror is filled.
    AnswerWhileRefilling,
    /// A write of the destination's apply that finds no space counts as done.
    PassNoSpace,
    /// A Welcome above the source's log is passed over.
    PassWelcomeAbove,
    /// What is waited for waits as long again as the clock was set back.
    KeepOldTimers,
    /// The role changes as often as the link does.
    IgnoreHold,
    /// What another mirror's signal has applied of a generation is applied again with the rest of it.
    ApplyPrefixAgain,
    /// A generation without records is not asked for.
    EmptyUnasked,
    /// A resync that is under way goes on with a destination that needs every block.
    ResumeLacking,
    /// A round takes the server's own partition, or its peers' files.
    OwnRoundOnly,
    /// Who takes the clients back by force stays in its epoch.
    ReclaimSameEpoch,
    /// A round waits for the files of a mirror that is being recovered, or was promoted.
    WaitForRecovered,
    /// What was freed alone is missing in the count of what may be lost, at whoever has taken the clients over.
    CountOnlyNvramAsHeir,
    /// What was freed by the map of a moment ago is freed though the resync that lacks it is sealed.
    FreeWhileReturning,
    /// A source returns though an empty generation that the destination waits for was freed alone.
    ReturnPastEmpty,
    /// That it is fenced is not noted durably.
    ForgetFence,
    /// A boot does not look whether the server was fenced.
    AnswerFenced,
    /// A server whose clients another source has adopted does not say that it has answered for more.
    ExileSilently,
    /// What waited when the clients' connections were closed counts as asked for, and is in no queue.
    RememberDropped,
    /// A source that has lost its log or its disk does not listen any more, and never becomes a mirror.
    LoseDeaf,
    /// A role that becomes durable after a fence has closed the server makes it go on as if it still served.
    GoOnFenced,
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
pub struct Bent(pub u128);

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

/// Ways not to come back from a record: no oracle sees them, the rig around it must. `draw` decides which records.
#[inline]
pub(crate) fn lapse<Q: Quirk>(quirk: Q, draw: u64) {
    if !draw.is_multiple_of(128) {
        return;
    }
    if quirk.bends(Bend::Panic) {
        panic!("this record is planted");
    }
    if quirk.bends(Bend::Recurse) {
        descend(draw);
    }
    while quirk.bends(Bend::Loop) {
        core::hint::spin_loop();
    }
}

/// Deeper than any stack.
fn descend(depth: u64) -> u64 {
    use core::hint::black_box;
    if black_box(depth) == u64::MAX {
        0
    } else {
        black_box(descend(depth.wrapping_add(2))).wrapping_add(depth)
    }
}
