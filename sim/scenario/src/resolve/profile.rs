//! `profile`: presets and overrides.

use super::{Cx, servers};
use crate::doc::Root;
use crate::doc::run::{Preset, Profile as Doc, ProfileMap};
use crate::document::At;
use crate::scalar::Milli;
use mirror::config::Transport;
use mirrorsim_world::spec::{Chance, Nanos, Profile};

const MS: Nanos = 1_000_000;
/// Drawn faults of a profile that names no span.
const SPAN: Nanos = 50 * MS;
/// Longest outage of a profile that names none.
const LONGEST: Nanos = 10 * MS;

/// Parts in a thousand as a chance.
const fn milli(n: u64) -> Chance {
    Chance((n << 32) / 1000)
}

/// A preset in full.
fn preset(preset: Preset) -> Profile {
    let base = Profile { span: SPAN, longest: LONGEST, ..Profile::default() };
    match preset {
        Preset::None => base,
        Preset::Calm => Profile { pauses_milli: 500, slow_milli: 300, seals_milli: 500, ..base },
        Preset::Network => Profile {
            cuts_milli: 2000,
            clogs_milli: 1000,
            resets_milli: 2000,
            loss: milli(50),
            duplicate: milli(50),
            reorder: milli(100),
            corrupt: milli(1),
            malformed: milli(1),
            burst: milli(5),
            replays_milli: 1000,
            swizzles_milli: 500,
            storms_milli: 500,
            ..base
        },
        Preset::Crashes => Profile {
            source_crashes_milli: 1000,
            source_power_cuts_milli: 1000,
            destination_crashes_milli: 1000,
            destination_power_cuts_milli: 1000,
            boot_crashes_milli: 1000,
            recovery_crashes_milli: 1000,
            blackouts_milli: 500,
            starves_milli: 300,
            versions_milli: 300,
            clocks_milli: 500,
            timers_milli: 300,
            ..base
        },
        Preset::Devices => Profile {
            swarm: Some(milli(300)),
            source_crashes_milli: 500,
            source_power_cuts_milli: 500,
            destination_crashes_milli: 1000,
            destination_power_cuts_milli: 1000,
            flush_failures_milli: 2000,
            write_failures_milli: 1000,
            short_io_milli: 1000,
            read_only_milli: 500,
            unreadable_milli: 2000,
            astray_milli: 2000,
            rollbacks_milli: 1000,
            nvram_losses_milli: 300,
            disk_exchanges_milli: 300,
            ..base
        },
        Preset::Swarm => Profile {
            swarm: Some(milli(500)),
            source_crashes_milli: 3000,
            source_power_cuts_milli: 2000,
            destination_crashes_milli: 3000,
            destination_power_cuts_milli: 2000,
            pauses_milli: 2000,
            cuts_milli: 2000,
            clogs_milli: 1500,
            resets_milli: 2000,
            disk_full_milli: 1000,
            slow_milli: 1000,
            damages_milli: 3000,
            seals_milli: 1000,
            disaster: milli(300),
            loss: milli(50),
            duplicate: milli(50),
            reorder: milli(100),
            corrupt: milli(1),
            malformed: milli(1),
            burst: milli(5),
            replays_milli: 1000,
            swizzles_milli: 500,
            storms_milli: 500,
            boot_crashes_milli: 500,
            recovery_crashes_milli: 1000,
            blackouts_milli: 300,
            starves_milli: 300,
            versions_milli: 200,
            clocks_milli: 500,
            timers_milli: 300,
            mistakes_milli: 200,
            ..base
        },
    }
}

/// `profile`.
pub(crate) fn profile(cx: &mut Cx<'_>, root: &Root) -> Profile {
    let stream = *root.protocol.transport == Transport::Stream;
    let start = match &root.profile.value {
        Doc::Preset(p) => *p,
        Doc::Map(map) => *map.preset,
    };
    let mut p = preset(start);
    if stream {
        // What a stream cannot show is left out of a preset; only who asks for it by name is told.
        (p.duplicate, p.reorder, p.replays_milli) = (Chance::NEVER, Chance::NEVER, 0);
    }
    if let Doc::Map(map) = &root.profile.value {
        overrides(&mut p, map);
        for (at, name) in [(&map.duplicate, "duplicate"), (&map.reorder, "reorder")] {
            if let Some(at) = at.as_ref().filter(|c| c.0 > 0 && stream) {
                servers::datagram_only(cx, root, at, name);
            }
        }
        if let Some(zero) = map.span.as_ref().filter(|s| s.0 == 0 && draws(&p)) {
            cx.desk.report(
                zero.wrong("never", "no fault would ever be drawn")
                    .help("give a span, or say `profile: none`"),
            );
        }
        if let Some(zero) = map.longest.as_ref().filter(|s| s.0 == 0 && draws(&p)) {
            cx.desk.report(zero.wrong("never", "outages of 0ns have no effect").want("more than 0ns"));
        }
    }
    if draws(&p) { p } else { Profile::default() }
}

fn draws(p: &Profile) -> bool {
    let bare = Profile { span: 0, longest: 0, swarm: None, ..p.clone() };
    bare != Profile::default()
}

fn overrides(p: &mut Profile, map: &ProfileMap) {
    let set = |to: &mut u32, from: &Option<At<Milli>>| {
        if let Some(v) = from {
            *to = v.0;
        }
    };
    set(&mut p.source_crashes_milli, &map.source_crashes);
    set(&mut p.source_power_cuts_milli, &map.source_power_cuts);
    set(&mut p.destination_crashes_milli, &map.destination_crashes);
    set(&mut p.destination_power_cuts_milli, &map.destination_power_cuts);
    set(&mut p.pauses_milli, &map.pauses);
    set(&mut p.cuts_milli, &map.cuts);
    set(&mut p.clogs_milli, &map.clogs);
    set(&mut p.resets_milli, &map.resets);
    set(&mut p.disk_full_milli, &map.disk_full);
    set(&mut p.slow_milli, &map.slow);
    set(&mut p.damages_milli, &map.damages);
    set(&mut p.seals_milli, &map.seals);
    set(&mut p.replays_milli, &map.replays);
    set(&mut p.swizzles_milli, &map.swizzles);
    set(&mut p.storms_milli, &map.storms);
    set(&mut p.flush_failures_milli, &map.flush_failures);
    set(&mut p.write_failures_milli, &map.write_failures);
    set(&mut p.short_io_milli, &map.short_io);
    set(&mut p.read_only_milli, &map.read_only);
    set(&mut p.unreadable_milli, &map.unreadable);
    set(&mut p.astray_milli, &map.astray);
    set(&mut p.rollbacks_milli, &map.rollbacks);
    set(&mut p.nvram_losses_milli, &map.nvram_losses);
    set(&mut p.disk_exchanges_milli, &map.disk_exchanges);
    set(&mut p.boot_crashes_milli, &map.boot_crashes);
    set(&mut p.recovery_crashes_milli, &map.recovery_crashes);
    set(&mut p.blackouts_milli, &map.blackouts);
    set(&mut p.starves_milli, &map.starves);
    set(&mut p.versions_milli, &map.versions);
    set(&mut p.clocks_milli, &map.clocks);
    set(&mut p.timers_milli, &map.timers);
    set(&mut p.mistakes_milli, &map.mistakes);
    set(&mut p.log_damages_milli, &map.log_damages);
    set(&mut p.batteries_milli, &map.batteries);
    set(&mut p.disk_losses_milli, &map.disk_losses);
    set(&mut p.promotions_milli, &map.promotions);
    set(&mut p.hand_overs_milli, &map.hand_overs);
    set(&mut p.replacements_milli, &map.replacements);
    let chances = [
        (&mut p.disaster, &map.disaster),
        (&mut p.loss, &map.loss),
        (&mut p.duplicate, &map.duplicate),
        (&mut p.reorder, &map.reorder),
        (&mut p.corrupt, &map.corrupt),
        (&mut p.malformed, &map.malformed),
        (&mut p.burst, &map.burst),
        (&mut p.links, &map.links),
    ];
    for (to, from) in chances {
        if let Some(v) = from {
            *to = v.value;
        }
    }
    p.swarm = map.swarm.as_ref().map(|s| s.value).or(p.swarm);
    p.span = map.span.as_ref().map_or(p.span, |s| s.0);
    p.longest = map.longest.as_ref().map_or(p.longest, |s| s.0);
}
