//! What a run will roughly need, from its spec alone.

use crate::quantity::{show_about, show_size};
use mirrorsim_world::spec::{Generated, Spec, TraceAction, Workload};

/// Operations above which the caller must say that it is meant.
pub(crate) const MANY_OPERATIONS: u64 = 50_000_000;
/// Events that even a read takes: request, reply, and a timer or two.
const LEAST_EVENTS: u64 = 4;
/// Bytes of bookkeeping for each operation: history of the oracles, extents.
const PER_OPERATION: u64 = 160;
/// Bytes above which a number says no more than `too many`.
const HUGE: u64 = 1 << 50;
/// Seconds, likewise.
const YEAR: u64 = 31_536_000;
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
    let theirs = spec.destination.nvram_size.saturating_mul(spec.destinations.len() as u64);
    let nvram = spec
        .sources
        .iter()
        .fold(theirs, |n: u64, s| n.saturating_add(s.partition_size.saturating_mul(partitions)));
    // Payloads are stored once and shared by log, file, volume and image; a block holds what was written last.
    let kept = e.written.min(volumes.saturating_mul(2)).saturating_add(nvram);
    e.memory = kept.saturating_add(bookkeeping(e.operations));
    e.least_events = e.operations.saturating_mul(LEAST_EVENTS);
    e.wall_seconds = e.operations / SPEED;
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

/// Memory that operations take whatever they do.
pub(crate) fn bookkeeping(operations: u64) -> u64 {
    operations.saturating_mul(PER_OPERATION)
}

/// A size with one unit and no false precision.
pub(crate) fn about_size(bytes: u64) -> String {
    let shift = (63 - bytes.max(1).leading_zeros()) / 10 * 10;
    let unit = 1u64 << shift;
    match bytes.div_ceil(unit).checked_mul(unit) {
        Some(round) if round < HUGE => format!("about {}", show_size(round)),
        _ => format!("more than {}", show_size(HUGE)),
    }
}

/// What so many operations take, of time and of memory.
pub(crate) fn told(operations: u64, memory: u64) -> String {
    format!("{operations} operations take {} and {}", about_time(operations), about_size(memory))
}

/// The time that so many operations take, if it is worth a number.
fn about_time(operations: u64) -> String {
    match operations / SPEED {
        seconds @ ..YEAR => format!("about {}", show_about(seconds * 1_000_000_000)),
        _ => format!("more than {}", show_about(YEAR * 1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_estimate_is_too_large_to_be_told() {
        assert_eq!(about_size(0), "about 0B");
        assert_eq!(about_size(1025), "about 2KiB");
        assert_eq!(about_size((5 << 40) + 1), "about 6TiB");
        assert_eq!(about_size((1 << 50) - 1), "more than 1024TiB");
        assert_eq!(about_size(u64::MAX), "more than 1024TiB");
        assert_eq!(about_time(20_000 * 90), "about 1.5m");
        assert_eq!(about_time(u64::MAX), "more than 8760h");
    }
}
