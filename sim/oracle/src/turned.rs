//! A mirror whose roles are swapped: the destination serves its clients, and what was the source becomes its mirror (LR7),
//! until it gets them back (LR8). It is judged as any other, by a judge of its own in which the two have changed places:
//! the source's devices are those of the heir at the destination, and the destination's those of the former source.

use crate::copy::{Copy, Keeps};
use crate::destination_log::DestinationLog;
use crate::finding::Findings;
use crate::hashes::Hashes;
use crate::heir::Own;
use crate::history::Who;
use crate::judge::Judge;
use crate::layout::Layout;
use crate::mirror::{Mirror, Source};
use crate::oracles::{fencing, reads, resync};
use crate::setup::{Answer, Device, Medium, Policy, RecoveredTo, Server, Setup};
use crate::superblock::{SOURCE, Superblock};
use core::mem::{replace, swap, take};

impl Judge {
    /// The judge of a mirror whose roles are swapped.
    pub(crate) fn turned(&mut self, mirror: usize) -> Option<&mut Judge> {
        self.turned.get_mut(mirror)?.as_deref_mut()
    }

    /// That of the mirror whose source a server was: there it is the destination.
    pub(crate) fn turned_at(&mut self, server: Server) -> Option<&mut Judge> {
        let Server::Source(mirror) = server else { return None };
        self.turned(mirror)
    }

    pub(crate) fn all_turned(&mut self) -> impl Iterator<Item = &mut Judge> {
        self.turned.iter_mut().flatten().map(|judge| &mut **judge)
    }

    /// Everything that a mirror has to do with at the destination is told to the judge in which this is the source: with
    /// its number, its name there, and its own ranges of a device.
    pub(crate) fn each_heir(
        &mut self,
        device: Device,
        ranges: &[(u64, u64)],
        (stable, current): (&dyn Medium, &dyn Medium),
        mut tell: impl FnMut(&mut Judge, Server, &[(u64, u64)], &Own<'_>, &Own<'_>),
    ) {
        for (number, judge) in self.turned.iter_mut().enumerate() {
            let (Some(judge), at) = (judge, &self.log.layout.mirrors[number]) else { continue };
            let (base, size) = match device {
                Device::Image => (at.image.base, at.image.end - at.image.base),
                _ => at.home.range(device),
            };
            let shift = if device == Device::Image { 0 } else { base };
            let clip = |(at, length): &(u64, u64)| {
                let (from, to) = ((*at).max(base), (at + length).min(base + size));
                (from < to).then(|| (from - shift, to - from))
            };
            let own: Vec<(u64, u64)> = ranges.iter().filter_map(clip).collect();
            let (stable, current) =
                (Own { medium: stable, home: at.home }, Own { medium: current, home: at.home });
            if !own.is_empty() {
                tell(judge, Server::Source(number), &own, &stable, &current);
            }
        }
    }

    /// To each judge of a server of clients at the destination, with its name there.
    pub(crate) fn each_heir_named(&mut self, mut tell: impl FnMut(&mut Judge, Server)) {
        for (number, judge) in self.turned.iter_mut().enumerate() {
            judge.iter_mut().for_each(|judge| tell(judge, Server::Source(number)));
        }
    }

    /// The same of all its devices at once.
    pub(crate) fn each_heir_there(
        &mut self,
        (stable, current): (&dyn Medium, &dyn Medium),
        mut tell: impl FnMut(&mut Judge, Server, &Own<'_>, &Own<'_>),
    ) {
        self.each_heir(Device::Mark, &[(0, u64::MAX / 2)], (stable, current), |judge, server, _, s, c| {
            tell(judge, server, s, c)
        });
    }

    /// The server that kept the image of this mirror serves its clients: the roles are swapped.
    pub(crate) fn turn(&mut self, number: usize) {
        let layout = self.log.layout.turned(number);
        let segments = layout.segments * layout.segment_size;
        let mut setup = self.setup.clone();
        // Who serves clients without a mirror has nobody to wait for; and nobody shares what the former source has.
        setup.policy = Policy::Degrade;
        // What its clock shows nobody has followed.
        setup.hold = 0;
        setup.destination.nvram_size = segments;
        setup.sources.iter_mut().for_each(|source| source.patience = 0);
        let shell = |(i, at)| Mirror { away: true, ..Mirror::new(i, &setup, at) };
        let mut mirrors: Vec<Mirror> = layout.mirrors.iter().cloned().enumerate().map(shell).collect();
        let out = self.out.another();
        let mut judge =
            Judge { healed: self.healed, excused: self.excused, ..Judge::of(setup, layout, Vec::new(), out) };
        judge.out.serving = "the destination";
        self.exchange(number, &mut mirrors[number]);
        judge.mirrors = mirrors;
        self.turned[number] = Some(Box::new(judge));
    }

    /// A mirror moves to where it is judged from now on; what belongs to the link as it is seen from there stays.
    fn exchange(&mut self, number: usize, other: &mut Mirror) {
        let here = &mut self.mirrors[number];
        swap(here, other);
        swap(&mut here.at, &mut other.at);
        swap(&mut here.session, &mut other.session);
        swap(&mut here.contact, &mut other.contact);
        swap(&mut here.wait, &mut other.wait);
    }

    /// A server that was a source starts, as what its superblock says: one that is to become a mirror keeps nothing yet.
    pub fn keeps(&mut self, source: usize, current: &dyn Medium) {
        let Some(judge) = self.turned(source) else { return };
        let m = &mut judge.mirrors[source];
        let found = Superblock::best(&current.read(Device::Image, m.at.image.base, 1024), &m.model.uuid);
        let found = found.unwrap_or_default();
        match m.copy.keeps {
            Keeps::Nothing if found.void => {
                m.copy = Copy { keeps: Keeps::Void, ..Copy::new() };
                (m.copy.image.stable, m.copy.image.current) = (found, found);
                (m.kept_since, m.owed) = (m.source.volume.cursor, 0);
                judge.log.rescan(&mut judge.mirrors, current);
            }
            // That it is to was not durable.
            Keeps::Void if found.role == SOURCE => m.copy.keeps = Keeps::Nothing,
            _ => {}
        }
    }

    /// Whether there is a copy at what was the source.
    pub fn is_kept(&self, source: usize) -> bool {
        let judge = self.turned.get(source).and_then(Option::as_ref);
        judge.is_some_and(|judge| !judge.mirrors[source].lonely())
    }

    /// The server of the clients at the destination is lost for ever.
    pub fn heir_lost(&mut self, source: usize) {
        if let Some(judge) = self.turned(source) {
            let m = &mut judge.mirrors[source];
            m.source.gone = true;
            m.excuses.insert("disaster");
        }
    }

    /// What was the source has been recovered, and may serve the clients again: then the roles are what they were.
    pub(crate) fn recovered_there(&mut self, source: usize, state: &dyn Medium, to: RecoveredTo) {
        let Some(judge) = self.turned(source) else { return };
        if !judge.recovers(source, state, to) {
            return;
        }
        self.leads_again(source);
        let Some(mut judge) = self.turned.get_mut(source).and_then(Option::take) else { return };
        self.exchange(source, &mut judge.mirrors[source]);
        self.out.takes(&judge.out);
    }

    /// The server of the clients has retired, and knows it (LR8).
    pub fn retired(&mut self, source: usize) {
        if let Some(judge) = self.turned(source) {
            let m = &mut judge.mirrors[source];
            (m.retired, m.at_retirement) = (true, m.source.volume.stable.epoch);
        }
    }

    /// The server of the clients had retired, and serves them again, by force: the former source is lost (LR8). Whatever that
    /// may have become is of an older epoch.
    pub fn reclaimed(&mut self, source: usize) {
        let Some(judge) = self.turned(source) else { return };
        let m = &mut judge.mirrors[source];
        m.retired = false;
        fencing::reclaimed(m, &mut judge.out);
    }

    /// The battery of the NVRAM of a server that was a source is low, or no longer.
    pub fn former_degraded(&mut self, source: usize, degraded: bool) {
        if let Some(judge) = self.turned(source) {
            judge.degraded(degraded);
        }
    }

    /// The former source is the source again (LR8), and has booted: from now on both servers are looked at as before.
    pub fn returned(&mut self, source: usize, own: &dyn Medium, destination: &dyn Medium) {
        let Some(mut judge) = self.turned.get_mut(source).and_then(Option::take) else { return };
        resync::handed_over(&judge.mirrors[source], &mut self.out);
        self.leads_again(source);
        self.exchange(source, &mut judge.mirrors[source]);
        self.out.takes(&judge.out);
        let m = &mut self.mirrors[source];
        let tip = m.model.tip();
        (m.retired, m.former) = (false, None);
        (m.only_former, m.kept) = (0, 0);
        m.session.holds(tip);
        m.wait.acknowledged = m.wait.acknowledged.max(tip);
        let mut served =
            replace(&mut m.source, Source { stable: tip, ..Source::new(self.setup.partitions) }).volume;
        let asked = m.model.last_generation();
        // What else is wrong there is nobody's doing but the machines'.
        let known = [take(&mut m.copy.image.damaged), take(&mut served.damaged)];
        m.copy = Copy { end_stable: tip, end_current: tip, filed: tip, asked, ..Copy::new() };
        let sides = [(&mut m.source.volume, &m.at.own, own), (&mut m.copy.image, &m.at.image, destination)];
        for ((image, region, medium), known) in sides.into_iter().zip(known) {
            image.replaced(&mut m.model, region, (region.base, region.end), medium);
            image.damaged.retain(|at| known.contains(at));
        }
        m.copy.policy = m.copy.image.stable.policy;
        m.source.mark_stable = m.own_mark(own);
        m.copy.mark_stable = m.copy_mark(destination);
        m.copy.mark_current = m.copy.mark_stable;
        m.model.close();
        m.advance();
    }

    /// Another source is to serve the clients (LR9): its server stands in the former source's place, with nothing on its disks. That
    /// one keeps what it has.
    pub fn adopted(&mut self, source: usize) {
        if let Some(judge) = self.turned(source) {
            let m = &mut judge.mirrors[source];
            m.adopted = m.former;
            m.only_exile = m.only_former;
        }
        self.exiles(source);
        self.rebuilt(source);
    }

    /// A server with nothing on its disks stands where the former source did.
    pub fn rebuilt(&mut self, source: usize) {
        let Some(mut judge) = self.turned.get_mut(source).and_then(Option::take) else { return };
        let m = &mut judge.mirrors[source];
        m.only_former = 0;
        m.loses_copy();
        m.session.replaced();
        self.mirrors[source].hears_another();
        self.leads_again(source);
        self.turned[source] = Some(judge);
    }

    /// The former source gives up what it has, and is to become a mirror.
    pub fn becomes_target(&mut self, source: usize) {
        let Some(judge) = self.turned(source) else { return };
        let m = &judge.mirrors[source];
        fencing::gives_up(m, &mut judge.out);
    }

    /// All has come to rest, and the former source keeps the image of what the destination serves (LR7): it has all of it.
    pub fn kept(&mut self, source: usize, medium: &dyn Medium, destination: &dyn Medium) {
        let at = self.log.layout.mirrors.get(source).map(|m| m.home);
        let (Some(home), Some(judge)) = (at, self.turned(source)) else { return };
        let m = &mut judge.mirrors[source];
        let found = Superblock::best(&medium.read(Device::Image, m.at.image.base, 1024), &m.model.uuid);
        let region = m.at.image.clone();
        resync::kept(m, &region, found, medium, &mut judge.out);
        if !m.lonely() {
            judge.quiescent(source, &Own { medium: destination, home }, medium);
        }
    }

    /// The former source sent an answer: only of what the recovery has reached, and no read that came in after the fence.
    /// `exiled`: another source has adopted its clients since.
    pub fn former_answered(
        &mut self,
        (source, exiled): (usize, bool),
        client: u32,
        slot: u32,
        request: u64,
        answer: Answer,
    ) {
        self.answered_fenced((source, exiled), crate::history::Who { client, slot, number: request });
        let (setup, out) = (&self.setup, &mut self.out);
        let turned = self.turned.get_mut(source).and_then(Option::as_mut);
        let Some(m) = turned.map(|judge| &mut judge.mirrors[source]).or(self.mirrors.get_mut(source)) else {
            return;
        };
        let Some(former) = (if exiled { m.adopted } else { m.former }) else {
            let who = Who { client, slot, number: request };
            return fencing::answered_by_retired(m, "its former source", who, out);
        };
        let reached = former.reached;
        let Some(found) = m.history.find(client, slot, request) else { return };
        found.lost |= found.index.is_none_or(|index| index > reached);
        let asked = found.clone();
        match answer {
            Answer::Written | Answer::Added { .. } => {
                let only = asked.index.is_none_or(|index| index > reached);
                *(if exiled { &mut m.only_exile } else { &mut m.only_former }) += u64::from(only);
                fencing::answered_by_former(m, setup, &asked, out)
            }
            Answer::Read { .. } => reads::fenced(m, former, setup, &asked, out),
            Answer::Refused => {}
        }
        m.history.answered(client, slot, request, &answer);
    }

    /// A judge of these mirrors.
    pub(crate) fn of(setup: Setup, layout: Layout, mirrors: Vec<Mirror>, out: Findings) -> Judge {
        let turned = mirrors.iter().map(|_| None).collect();
        let fences = layout.mirrors.iter().map(|_| [None; 2]).collect();
        let log = DestinationLog::new(layout, setup.level);
        Judge {
            setup,
            mirrors,
            log,
            out,
            hashes: Hashes::default(),
            healed: false,
            excused: false,
            source_is_right: false,
            turned,
            fences,
        }
    }
}
