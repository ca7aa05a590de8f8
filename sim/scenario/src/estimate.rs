//! What a run will roughly need, from its spec alone.

use crate::quantity::show_size;
use mirrorsim_world::spec::{Generated, Spec, TraceAction, Workload};

/// Operations above which the caller must say that it is meant.
pub(crate) const MANY_OPERATIONS: u64 = 50_000_000;
/// Events that even a read takes: request, reply, and a timer or two.
const LEAST_EVENTS: u64 = 4;
/// Bytes of bookkeeping for each operation: history of the oracles, extents.
const PER_OPERATION: u64 = 160;
/// Operations a second with every durable change checked, on a small machine.
const SPEED: u64 = 20_000;

/// An estimate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Estimate {
    /// Operations of all clients.
    pub operations: u64,
    /// Bytes that they write.
    pub written: u64,
    /// Memory of devices, payloads and history, in bytes.
    pub memory: u64,
    /// Events that the run has at least.
    pub least_events: u64,
    /// Seconds of one core, very roughly.
    pub wall_seconds: u64,
}

/// Estimates a run. Devices are sparse: what counts is what is written, not how large a volume is.
pub fn estimate(spec: &Spec) -> Estimate {
    let mut e = Estimate::default();
    for client in &spec.clients {
        let (operations, written) = match &client.workload {
            Workload::Generated(g) => generated(g),
            Workload::Trace(t) => {
                (t.operations.len() as u64, t.operations.iter().map(|o| length(&o.action)).sum())
            }
        };
        e.operations = e.operations.saturating_add(operations);
        e.written = e.written.saturating_add(written);
    }
    let volumes: u64 =
        spec.sources.iter().flat_map(|s| &s.volumes).fold(0, |n: u64, v| n.saturating_add(v.size));
    let partitions = u64::from(spec.protocol.partitions);
    let nvram = spec.sources.iter().fold(spec.destination.nvram_size, |n: u64, s| {
        n.saturating_add(s.partition_size.saturating_mul(partitions))
    });
    // Payloads are stored once and shared by log, file, volume and image; a block holds what was written last.
    let kept = e.written.min(volumes.saturating_mul(2)).saturating_add(nvram);
    e.memory = kept.saturating_add(e.operations.saturating_mul(PER_OPERATION));
    e.least_events = e.operations.saturating_mul(LEAST_EVENTS);
    e.wall_seconds = (e.operations / SPEED).min(31_536_000);
    e
}

fn generated(g: &Generated) -> (u64, u64) {
    let weight: u64 = g.sizes.iter().map(|s| u64::from(s.weight)).sum();
    let total: u128 = g.sizes.iter().map(|s| u128::from(s.weight) * u128::from(s.min.midpoint(s.max))).sum();
    let mean = u64::try_from(total / u128::from(weight.max(1))).unwrap_or(u64::MAX);
    let kinds = [g.mix.write, g.mix.write_zeroes, g.mix.add, g.mix.read].map(u64::from);
    let all: u64 = kinds.iter().sum();
    let writes = u128::from(g.operations) * u128::from(kinds[0]) / u128::from(all.max(1));
    (g.operations, u64::try_from(writes).unwrap_or(u64::MAX).saturating_mul(mean))
}

fn length(action: &TraceAction) -> u64 {
    match action {
        TraceAction::Write { length, .. } => *length,
        _ => 0,
    }
}

/// A size with one unit and no false precision.
pub(crate) fn round_size(bytes: u64) -> String {
    let shift = (63 - bytes.max(1).leading_zeros()) / 10 * 10;
    show_size(bytes.div_ceil(1 << shift) << shift)
}
