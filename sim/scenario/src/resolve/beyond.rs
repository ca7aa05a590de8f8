//! Row 29: faults that together can leave an acknowledged record without any copy. Only `beyond_model: true` allows
//! them; then loss is allowed and silence is the failure.

use super::Cx;
use crate::doc::Root;
use crate::document::At;
use crate::place::Place;
use mirror::config::AckLevel;
use mirrorsim_world::spec::{DamageTarget, DeviceName, Fault, Instead, Node, Spec};

const HELP: &str =
    "say `beyond_model: true`; then loss is allowed, and a loss that is not reported is the failure";

/// Faults that are judged in pairs; a file with more of them has its mistakes among the first.
const PAIRED: usize = 500;

/// A fault that can take the copy of one site.
struct Hit {
    place: Place,
    path: String,
    /// Whose records; `None` = everyone's.
    source: Option<usize>,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The destination's NVRAM lost its content.
    DestinationNvram,
    /// A source's NVRAM lost its content.
    SourceNvram,
    /// Records in a file or in the destination's NVRAM were damaged.
    DestinationLog,
    /// A block of an image was damaged: volume and block, as far as known.
    Image(Option<(usize, Option<u64>)>),
    /// A block of a volume was damaged.
    Volume(Option<(usize, Option<u64>)>),
    /// The site was lost.
    Site,
}

/// Names each pair of faults that takes both copies, and the class of records that has none left.
pub(crate) fn check(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    if spec.beyond_model || spec.faults.len() != root.faults.len() || root.faults.place.poisoned {
        return;
    }
    let hits: Vec<Hit> =
        root.faults.iter().zip(&spec.faults).filter_map(|(l, f)| hit(l, &f.fault)).take(PAIRED).collect();
    received(cx, root, spec, &hits);
    for (i, a) in hits.iter().enumerate() {
        for b in &hits[i + 1..] {
            let shared = a.source.is_none() || b.source.is_none() || a.source == b.source;
            let class = left_without(spec, a.what, b.what).or_else(|| left_without(spec, b.what, a.what));
            if let Some(class) = class.filter(|_| shared) {
                let draft = crate::problem::Draft::at(
                    b.place,
                    &b.path,
                    "beyond-model",
                    format!("with both faults {class} have no copy left"),
                );
                cx.desk.report(draft.also(a.place, "the other fault").help(HELP));
            }
        }
        if spec.profile.disaster.0 > 0
            && let Some(class) = left_without(spec, a.what, What::Site)
        {
            let what = format!("with a drawn disaster {class} have no copy left");
            let draft = crate::problem::Draft::at(a.place, &a.path, "beyond-model", what);
            cx.desk.report(draft.also(root.profile.place, "draws disasters").help(HELP));
        }
    }
}

fn hit<T>(line: &At<T>, fault: &Fault) -> Option<Hit> {
    let (source, what) = match *fault {
        Fault::Disaster { source, .. } => (Some(source), What::Site),
        Fault::NvramLost { node: Node::Destination(_), .. } => (None, What::DestinationNvram),
        Fault::NvramLost { node: Node::Source(s), .. } => (Some(s), What::SourceNvram),
        Fault::Damage { target, .. } | Fault::Unreadable { target, .. } => match target {
            DamageTarget::FileRecord { source, .. } | DamageTarget::NvramRecord { source, .. } => {
                (Some(source), What::DestinationLog)
            }
            DamageTarget::LogRecord { source, .. } => (Some(source), What::SourceNvram),
            DamageTarget::ImageBlock { source, volume, block } => {
                (Some(source), What::Image(Some((volume, block))))
            }
            DamageTarget::VolumeBlock { source, volume, block } => {
                (Some(source), What::Volume(Some((volume, block))))
            }
            DamageTarget::Range { node: Node::Destination(_), device: DeviceName::Image, .. } => {
                (None, What::Image(None))
            }
            DamageTarget::Range { node: Node::Destination(_), .. } => (None, What::DestinationLog),
            DamageTarget::Range { node: Node::Source(s), device: DeviceName::Image, .. } => {
                (Some(s), What::Volume(None))
            }
            DamageTarget::Range { node: Node::Source(s), .. } => (Some(s), What::SourceNvram),
        },
        Fault::LogFile { source, becomes, .. } => {
            ((becomes != Instead::Neighbour).then_some(source), What::DestinationLog)
        }
        Fault::LostWrite { node, device }
        | Fault::MisdirectedWrite { node, device }
        | Fault::Rollback { node, device, .. }
        | Fault::DiskLost { node, device, .. }
        | Fault::DiskReplaced { node, device, .. } => match (node, device) {
            (Node::Destination(_), DeviceName::Image) => (None, What::Image(None)),
            (Node::Destination(_), _) => (None, What::DestinationLog),
            (Node::Source(s), DeviceName::Image) => (Some(s), What::Volume(None)),
            (Node::Source(s), _) => (Some(s), What::SourceNvram),
        },
        _ => return None,
    };
    Some(Hit { place: line.place, path: line.path.clone(), source, what })
}

/// The records that neither site holds after both faults.
fn left_without(spec: &Spec, a: What, b: What) -> Option<&'static str> {
    let filed = spec.protocol.ack == AckLevel::File;
    match (a, b) {
        (What::DestinationNvram, What::Site) if !filed => {
            Some("records that are acknowledged in the destination's NVRAM and not yet in its file")
        }
        (What::DestinationNvram, What::SourceNvram) if !filed => {
            Some("records that are in both NVRAMs and in no file")
        }
        (What::DestinationLog, What::Site) => {
            Some("acknowledged records that are damaged at the destination")
        }
        (What::DestinationLog, What::SourceNvram) => {
            Some("records that are damaged at the destination and not yet applied at the source")
        }
        (What::Image(_), What::Site) => Some("applied records whose image block is damaged"),
        (What::Image(a), What::Volume(b)) => {
            let apart = |(v, n): (usize, Option<u64>), (w, m): (usize, Option<u64>)| {
                v != w || n.zip(m).is_some_and(|(n, m)| n != m)
            };
            (!a.zip(b).is_some_and(|(a, b)| apart(a, b)))
                .then_some("applied records whose block is damaged at both sites")
        }
        _ => None,
    }
}

/// Level `received` answers before anything is durable at the destination.
fn received(cx: &mut Cx<'_>, root: &Root, spec: &Spec, hits: &[Hit]) {
    if spec.protocol.ack != AckLevel::Received {
        return;
    }
    let site = hits.iter().find(|h| h.what == What::Site).map(|h| h.place);
    let drawn = (spec.profile.disaster.0 > 0).then_some(root.profile.place);
    if let Some(place) = site.or(drawn) {
        let what =
            "records that are acknowledged on receipt and only in the destination's memory have no copy left";
        let draft = root.protocol.ack.wrong("beyond-model", what);
        cx.desk.report(draft.also(place, "after this disaster").help(HELP));
    }
}
