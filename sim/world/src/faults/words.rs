//! A fault in a few words, as a line of a trace has room for: its name, whom it hits, and what else is short.

use super::name;
use crate::matrix::{Whom, target};
use crate::spec::{DamageTarget, DeviceName, Direction, Fault, Spec};

/// `power_cut destination`, `cut alpha, forward`, `recover alpha, promote`.
pub(crate) fn words(spec: &Spec, fault: &Fault) -> String {
    let whom = match target(fault).1 {
        Whom::Mirror(m) => spec.sources.get(m).map(|s| s.name.as_str()),
        Whom::Destination(d) => spec.destinations.get(d).map(|d| d.name.as_str()),
        Whom::All => None,
    };
    let whom = whom.map_or_else(String::new, |whom| format!(" {whom}"));
    let more: String = details(fault).iter().map(|word| format!(", {word}")).collect();
    format!("{}{whom}{more}", name(fault))
}

fn details(fault: &Fault) -> Vec<String> {
    let words = |words: &[(bool, &str)]| -> Vec<String> {
        words.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()).collect()
    };
    match *fault {
        Fault::Disaster { power_cut, recover_after, .. } => {
            words(&[(power_cut, "power_cut"), (recover_after > 0, "recovered later")])
        }
        Fault::HeirLost { recover_after, .. } => words(&[(recover_after > 0, "recovered later")]),
        Fault::Recover { promote, .. } => words(&[(promote, "promote")]),
        Fault::Cut { direction, .. }
        | Fault::Clog { direction, .. }
        | Fault::Frame { direction, .. }
        | Fault::Replay { direction, .. } => words(&[
            (direction == Direction::Forward, "forward"),
            (direction == Direction::Backward, "backward"),
        ]),
        Fault::DiskFull { device, .. }
        | Fault::Slow { device, .. }
        | Fault::FlushFailure { device, .. }
        | Fault::WriteFailure { device, .. }
        | Fault::ShortIo { device, .. }
        | Fault::ReadOnly { device, .. }
        | Fault::LostWrite { device, .. }
        | Fault::MisdirectedWrite { device, .. }
        | Fault::Rollback { device, .. }
        | Fault::DiskLost { device, .. }
        | Fault::DiskReplaced { device, .. } => vec![device_word(device).into()],
        Fault::Damage { target, .. } | Fault::Unreadable { target, .. } => vec![target_words(target)],
        _ => Vec::new(),
    }
}

fn device_word(device: DeviceName) -> &'static str {
    match device {
        DeviceName::Nvram => "nvram",
        DeviceName::Mark => "mark",
        DeviceName::Log => "log",
        DeviceName::Image => "image",
    }
}

fn target_words(target: DamageTarget) -> String {
    let block = |block: Option<u64>| block.map_or_else(String::new, |b| format!(" {b}"));
    match target {
        DamageTarget::FileRecord { nth, .. } => format!("file_record {nth}"),
        DamageTarget::NvramRecord { nth, .. } => format!("nvram_record {nth}"),
        DamageTarget::LogRecord { nth, .. } => format!("log_record {nth}"),
        DamageTarget::ImageBlock { block: b, .. } => format!("image_block{}", block(b)),
        DamageTarget::VolumeBlock { block: b, .. } => format!("volume_block{}", block(b)),
        DamageTarget::Range { device, offset, length, .. } => {
            format!("{length} bytes of {} at {offset}", device_word(device))
        }
    }
}
