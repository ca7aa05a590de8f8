//! Faults that are drawn from the seed.

use super::units::{Chance, Nanos};

/// Faults drawn from the seed: each seed gets a plan of its own. A family that is off draws nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Swarm: each family below is switched off in a seed with this chance, and its rate drawn between 0 and the given one.
    pub swarm: Option<Chance>,
    /// Faults are drawn in the first `span` of virtual time (0 = no drawn faults).
    pub span: Nanos,
    /// Expected number of each per run (or per link or server and run), in thousandths.
    pub source_crashes_milli: u32,
    /// Power cuts of sources.
    pub source_power_cuts_milli: u32,
    /// Crashes of the destination.
    pub destination_crashes_milli: u32,
    /// Power cuts of the destination.
    pub destination_power_cuts_milli: u32,
    /// Pauses of any server.
    pub pauses_milli: u32,
    /// Cuts of a link, either or both directions.
    pub cuts_milli: u32,
    /// Clogs of a link.
    pub clogs_milli: u32,
    /// Resets of a link, half of them half-open.
    pub resets_milli: u32,
    /// Disk-full episodes at the destination.
    pub disk_full_milli: u32,
    /// Slow devices anywhere.
    pub slow_milli: u32,
    /// Damaged ranges that the other site can repair.
    pub damages_milli: u32,
    /// Forced seals.
    pub seals_milli: u32,
    /// Flushes that fail, of any disk, with any state of the cache after it.
    pub flush_failures_milli: u32,
    /// Writes that fail, of any disk.
    pub write_failures_milli: u32,
    /// Times in which a disk is short with what it reads and writes.
    pub short_io_milli: u32,
    /// Times in which a disk takes no writes.
    pub read_only_milli: u32,
    /// Ranges that cannot be read until they are written again.
    pub unreadable_milli: u32,
    /// Writes that are lost or land elsewhere.
    pub astray_milli: u32,
    /// Writes that are taken back after a while.
    pub rollbacks_milli: u32,
    /// Losses of the destination's NVRAM: zeros, noise, nothing readable, another machine's.
    pub nvram_losses_milli: u32,
    /// Log disks of the destination that are lost or exchanged for an empty or an older one.
    pub disk_exchanges_milli: u32,
    /// Chance that the run ends in a site disaster of one source.
    pub disaster: Chance,
    /// Greatest length of an outage, pause, cut or clog.
    pub longest: Nanos,
    /// Greatest chance of loss per message added to every link.
    pub loss: Chance,
    /// Greatest chance of duplication added to every link (`datagram`).
    pub duplicate: Chance,
    /// Greatest chance of reordering added to every link (`datagram`).
    pub reorder: Chance,
    /// Greatest chance of corruption added to every link.
    pub corrupt: Chance,
    /// Greatest chance of a bent frame added to every link.
    pub malformed: Chance,
    /// Greatest chance that a bad period begins, added to every link.
    pub burst: Chance,
    /// Messages that come again long after (`datagram`).
    pub replays_milli: u32,
    /// All links stopped and started in random order.
    pub swizzles_milli: u32,
    /// Connections that break again and again.
    pub storms_milli: u32,
    /// Crashes and power cuts at a step of a boot.
    pub boot_crashes_milli: u32,
    /// Crashes and power cuts of the destination at a step of a recovery.
    pub recovery_crashes_milli: u32,
    /// Power cuts of everything at once.
    pub blackouts_milli: u32,
    /// Servers that hardly run for a while.
    pub starves_milli: u32,
    /// Servers that speak another version for a while.
    pub versions_milli: u32,
    /// Clocks that are set, run fast or slow, or stand still.
    pub clocks_milli: u32,
    /// Timers that fire at ticks only.
    pub timers_milli: u32,
    /// What operators do wrong: another configuration, other formats, less NVRAM, a source added again, a needless recovery.
    pub mistakes_milli: u32,
    /// Records that change silently in a source's own NVRAM, above its cursor.
    pub log_damages_milli: u32,
    /// Times in which the battery of the destination's NVRAM is low.
    pub batteries_milli: u32,
    /// Image disks of the destination and disks of sources that are lost or exchanged for an empty or an older one.
    pub disk_losses_milli: u32,
    /// Chance that a link gets a latency, a bandwidth, pieces and a space of its own (FN1, FN4, FN11).
    pub links: Chance,
    /// Mirrors that an operator has serve their clients, whether their source lives or not (LR6).
    pub promotions_milli: u32,
    /// Clients that an operator hands back to the server that was their source (LR8).
    pub hand_overs_milli: u32,
    /// Destinations that are lost and replaced by an empty one.
    pub replacements_milli: u32,
}

impl Profile {
    /// Whether a seed has faults that no script names.
    pub fn draws(&self) -> bool {
        *self != Profile { span: self.span, longest: self.longest, ..Profile::default() }
    }
}
