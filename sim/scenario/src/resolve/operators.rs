//! Row 27 for orders of operators: what can be seen at load never to take effect.

use super::Cx;
use crate::doc::Root;
use crate::doc::faults::Line;
use mirror::config::Policy;
use mirror::stage::Stage;
use mirrorsim_world::spec::{Fault, FaultSpec, Profile, Spec, When};

/// Whether something scripted for one time comes surely before another.
fn surely_before(one: &When, other: &When) -> bool {
    matches!((one, other), (When::At(one), When::At(other)) if one < other)
}

/// Orders, and triggers on what they lead to, that nothing in the scenario gives a sense. `faults` are those of its lines.
pub(super) fn pointless(cx: &mut Cx<'_>, root: &Root, spec: &Spec, faults: &[FaultSpec]) {
    for (line, fault) in root.faults.iter().zip(faults) {
        if let Fault::HandOver { source } = fault.fault {
            hand_over(cx, spec, faults, (line, &fault.when), source);
        }
        if let When::On { stage: Stage::InSync, .. } = fault.when {
            in_sync(cx, spec, faults, line);
        }
    }
}

/// Clients are handed over to a server that is there, by one that was promoted.
fn hand_over(
    cx: &mut Cx<'_>,
    spec: &Spec,
    faults: &[FaultSpec],
    (line, when): (&Line, &When),
    source: usize,
) {
    let Some(order) = &line.hand_over else { return };
    let name = &spec.sources[source].name;
    let promotes = |f: &&FaultSpec| match f.fault {
        Fault::Recover { source: of, promote: true } | Fault::Adopt { source: of, .. } => of == source,
        _ => false,
    };
    let ever = spec.profile.promotions_milli > 0
        || faults.iter().filter(promotes).any(|f| !surely_before(when, &f.when));
    if !ever {
        let what = format!(
            "no server is promoted for the clients of {name} before, so it has nothing to hand over and never takes effect"
        );
        let help = format!("add `recover: {{source: {name}, promote: true}}` before it");
        cx.desk.report(order.wrong("never", what).help(help));
        return;
    }
    // Another server serves them then, or one stands there again.
    let elsewhere = |f: &FaultSpec| match f.fault {
        Fault::Adopt { source: of, .. } | Fault::Rebuild { source: of } => of == source,
        _ => false,
    };
    let again = faults.iter().any(elsewhere);
    let lost = |f: &&FaultSpec| matches!(f.fault, Fault::Disaster { source: of, .. } if of == source);
    if !again && faults.iter().filter(lost).any(|f| surely_before(&f.when, when)) {
        let what = format!(
            "the site of {name} is lost before, for ever: there is nobody to hand its clients over to"
        );
        let help = "let the site live (a `cut`, a `power_cut`), `rebuild` it, or have another source `adopt` its clients";
        cx.desk.report(order.wrong("never", what).help(help));
    }
}

/// Under `strict` a mirror that nobody promotes and whose devices stay what they are is never out of sync.
fn in_sync(cx: &mut Cx<'_>, spec: &Spec, faults: &[FaultSpec], line: &Line) {
    let Some(trigger) = &line.when else { return };
    let harmless = |f: &FaultSpec| {
        matches!(
            f.fault,
            Fault::Recover { promote: false, .. }
                | Fault::HandOver { .. }
                | Fault::Crash { .. }
                | Fault::PowerCut { .. }
                | Fault::Restart { .. }
                | Fault::Pause { .. }
                | Fault::Cut { .. }
                | Fault::Heal { .. }
                | Fault::Clog { .. }
                | Fault::Reset { .. }
                | Fault::Slow { .. }
                | Fault::Seal { .. }
                | Fault::Disaster { .. }
        )
    };
    if spec.protocol.policy == Policy::Strict
        && spec.profile == Profile::default()
        && faults.iter().all(harmless)
    {
        let what = "no mirror in this scenario is ever out of sync, so none comes into sync again";
        let help = "add `recover: {promote: true}`, or say `policy: degrade` under `protocol`";
        cx.desk.report(trigger.stage.wrong("never", what).help(help));
    }
}
