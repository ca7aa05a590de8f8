//! I9: no false alarm. An alarm needs a cause that the rig or the operator has really set: damage, a lost NVRAM, a
//! recovery while the source lives, or an excuse noted by the rig.

use crate::faults::DEVICE;
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;
use crate::setup::Server;

/// A machine raised an alarm.
pub(crate) fn alarm(
    ms: &[Mirror],
    server: Server,
    source: Option<usize>,
    (kind, message): (&str, &str),
    excused: bool,
    out: &mut Findings,
) {
    out.judged(Oracle::Divergence);
    let about_device = matches!(kind, "device_failed" | "nvram_too_small");
    let caused = |m: &Mirror| {
        let at_source = m.source.harmed || m.source.gone;
        at_source
            || m.copy.harmed
            || !m.copy.damaged.is_empty()
            || m.copy.fenced.is_some()
            || m.excuses.iter().any(|excuse| *excuse != DEVICE || about_device)
    };
    let source = source.or(match server {
        Server::Source(i) => Some(i),
        Server::Destination => None,
    });
    let justified = match source.and_then(|i| ms.get(i)) {
        Some(m) => caused(m) || m.expected_alarms.contains(kind),
        None => ms.iter().any(caused),
    };
    let lost = |m: &Mirror| m.source.harmed || m.copy.harmed || !m.lost_blocks.is_empty();
    let justified = justified && (kind != "block_lost" || source.and_then(|i| ms.get(i)).is_none_or(lost));
    if !justified && !excused {
        out.fail(Oracle::Divergence, "I9", || format!("{server} raised `{kind}` for no reason: {message}"));
    }
}
