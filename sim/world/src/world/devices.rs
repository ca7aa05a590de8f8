//! What machines ask of their devices, and the completions; the judge is told of both, with the bytes.

use super::World;
use super::failing::Obstacle;
use crate::event::{Deferred, Event};
use crate::hosted::Machines;
use crate::kinds;
use crate::marks::Mark;
use crate::server::{Operation, Work, oracle_device, subject};
use crate::spec::Nanos;
use bytes::Bytes;
use mirror::effect::{Completion, Device, Duty, Ranges, Run, Token, UNREADABLE};
use mirrorsim_engine::FlushMark;
use mirrorsim_oracle as oracle;
use smallvec::SmallVec;

/// Reads of NVRAM and marks at boot, ns.
const NVRAM_READ: Nanos = 1_000;
/// Time until a disk says that it does not take a discard, ns.
const FAILURE: Nanos = 1_000;

/// What follows the first `stored` bytes of a write.
fn behind(offset: u64, parts: &[Bytes], stored: u64) -> Run {
    let mut skip = stored as usize;
    let mut rest = Run { offset: offset + stored, parts: SmallVec::new() };
    for part in parts {
        let from = skip.min(part.len());
        skip -= from;
        if from < part.len() {
            rest.parts.push(part.slice(from..));
        }
    }
    rest
}

impl<M: Machines> World<'_, M> {
    pub(super) fn format(&mut self, server: usize, device: Device, offset: u64, bytes: Bytes, mirror: usize) {
        let length = bytes.len() as u64;
        let by = self.is_destination(server).then_some(self.spec.desk(mirror));
        let seen = oracle_device(device);
        let tag = by.unwrap_or(0);
        let store = self.servers[server].store_mut(device);
        let serial = store.write(offset, SmallVec::from_iter([bytes]), tag as u32);
        store.complete(serial);
        let s = &self.servers[server];
        let (judge, who) = self.bench.at(server);
        judge.stored(who, seen, offset, length, by, &s.stable(), &s.current());
        let store = self.servers[server].store_mut(device);
        let mark = store.begin_flush();
        store.end_flush(mark);
        let s = &self.servers[server];
        judge.flushed(who, seen, &[(offset, length)], &s.stable(), &s.current());
    }

    /// Which of a server's mirrors a token is of: a source's has one, whatever keeps it there now.
    fn number(&self, server: usize, token: Token) -> usize {
        if self.is_destination(server) { usize::from(token.mirror()) } else { 0 }
    }

    pub(super) fn under_way(&mut self, server: usize, device: Device, token: Token, work: Work, at: u64) {
        let incarnation = self.servers[server].incarnation;
        let slot = self.operations_under_way.put(Operation { server, incarnation, token, device, work });
        self.sched.at(at, Event::Done { slot });
    }

    pub(super) fn write(&mut self, server: usize, device: Device, token: Token, runs: Vec<Run>) {
        self.write_on(server, device, token, runs, false);
    }

    /// `interrupted`: an attempt has stored nothing of it. Such a thing happens once, then the write goes on: a short
    /// one stores something.
    fn write_on(&mut self, server: usize, device: Device, token: Token, runs: Vec<Run>, interrupted: bool) {
        let now = self.sched.now();
        let mirror = self.number(server, token);
        let mut serials: SmallVec<[u64; 4]> = SmallVec::new();
        let mut ranges: SmallVec<[(u64, u64); 4]> = SmallVec::new();
        let (mut at, mut no_space) = (now, false);
        let disk = !matches!(device, Device::Nvram | Device::Mark);
        let meets = if disk { self.write_meets(server, device) } else { None };
        let meets = meets.filter(|meets| !(interrupted && *meets == Obstacle::Short));
        let (mut rest, mut runs) = (Vec::new(), runs.into_iter());
        for run in runs.by_ref() {
            let length = run.length();
            let of = u64::from(token.mirror());
            self.emit(kinds::WRITE, server, server, device as u16, [run.offset, length, of]);
            if meets == Some(Obstacle::Fails { partly: false }) {
                break;
            }
            let decisions = &mut self.decisions;
            let mut stored = length;
            match self.servers[server].disk_mut(device) {
                None => {
                    let s = &mut self.servers[server];
                    let nvram = if device == Device::Nvram { &mut s.nvram } else { &mut s.mark };
                    nvram.write(run.offset, run.parts, mirror as u32);
                }
                Some(disk) => {
                    let subject = subject(server, device);
                    let spare = meets.map(|_| run.parts.clone());
                    let full = disk.full;
                    disk.full |= meets.is_some();
                    let (from, parts) = (run.offset, run.parts);
                    let written = disk.submit_write(now, from, parts, mirror as u32, decisions, subject);
                    disk.full = full;
                    match written {
                        Ok(written) => {
                            serials.push(written.serial);
                            at = at.max(written.at);
                        }
                        Err(error) => {
                            serials.extend(error.serial);
                            stored = error.stored;
                            at = at.max(error.at);
                            no_space = true;
                            if meets == Some(Obstacle::Short) {
                                rest.push(behind(from, &spare.unwrap_or_default(), stored));
                            }
                        }
                    }
                }
            }
            if stored > 0 {
                ranges.push((run.offset, stored));
            }
            if no_space {
                break;
            }
        }
        self.observe_stored(server, device, mirror, &ranges);
        let work = match meets {
            Some(Obstacle::Fails { .. }) => Work::Failed(serials),
            Some(Obstacle::Short) => {
                rest.extend(runs);
                Work::Short(serials, rest)
            }
            None if no_space => {
                self.full_took_effect(server, device);
                Work::NoSpace(serials)
            }
            None => Work::Write(serials),
        };
        if disk {
            self.under_way(server, device, token, work, at);
        }
    }

    pub(super) fn read(&mut self, server: usize, device: Device, token: Token, ranges: Ranges) {
        let now = self.sched.now();
        let bytes = ranges.iter().map(|r| r.1).sum();
        let again = self.is_short(server, device);
        let decisions = &mut self.decisions;
        let at = match self.servers[server].disk_mut(device) {
            // What is missing of a short read is read in a second one.
            Some(disk) if again => {
                let first = disk.submit_read(now, bytes, decisions, subject(server, device));
                disk.submit_read(first, bytes, decisions, subject(server, device))
            }
            Some(disk) => disk.submit_read(now, bytes, decisions, subject(server, device)),
            None => now + NVRAM_READ,
        };
        self.emit(kinds::READ, server, server, device as u16, [ranges[0].0, bytes, 0]);
        // Who was told wrong where everything stands looks in the wrong places, until he says no.
        if self.servers[server].config.is_none() {
            let (judge, who) = self.bench.at(server);
            let by = match who {
                oracle::Server::Source(number) => number,
                oracle::Server::Destination => token.mirror() as usize,
            };
            judge.read(who, oracle_device(device), &ranges, by);
        }
        self.under_way(server, device, token, Work::Read(ranges), at);
    }

    pub(super) fn discard(&mut self, server: usize, device: Device, token: Token, offset: u64, length: u64) {
        let now = self.sched.now();
        let mirror = self.number(server, token);
        let of = u64::from(token.mirror());
        self.emit(kinds::DISCARD, server, server, device as u16, [offset, length, of]);
        let disk = !matches!(device, Device::Nvram | Device::Mark);
        if disk && matches!(self.write_meets(server, device), Some(Obstacle::Fails { .. })) {
            return self.under_way(server, device, token, Work::Failed(SmallVec::new()), now + FAILURE);
        }
        let decisions = &mut self.decisions;
        let written = match self.servers[server].disk_mut(device) {
            Some(disk) => {
                let subject = subject(server, device);
                Some(disk.submit_discard(now, offset, length, mirror as u32, decisions, subject))
            }
            None => {
                let s = &mut self.servers[server];
                let nvram = if device == Device::Nvram { &mut s.nvram } else { &mut s.mark };
                nvram.discard(offset, length, mirror as u32);
                None
            }
        };
        self.observe_stored(server, device, mirror, &[(offset, length)]);
        if let Some(written) = written {
            let work = Work::Write(SmallVec::from_iter([written.serial]));
            self.under_way(server, device, token, work, written.at);
        }
    }

    pub(super) fn observe_stored(
        &mut self,
        server: usize,
        device: Device,
        mirror: usize,
        ranges: &[(u64, u64)],
    ) {
        let at_destination = self.is_destination(server);
        let known = self.mirror_at(server, mirror as u16).is_some();
        let s = &self.servers[server];
        let (judge, who) = self.bench.at(server);
        let (device_at, by) = (oracle_device(device), at_destination.then_some(mirror));
        let (stable, current) = (s.stable(), s.current());
        for &(offset, length) in ranges {
            judge.stored(who, device_at, offset, length, by, &stable, &current);
        }
        if !ranges.is_empty()
            && known
            && let Some((probe, judge)) = self.bench.kept(server)
        {
            probe.changed(kinds::change_stored(device), &[mirror], s, judge);
        }
    }

    pub(super) fn flush(&mut self, server: usize, device: Device, token: Token) {
        let now = self.sched.now();
        self.emit(kinds::FLUSH, server, server, device as u16, [token.mirror() as u64, 0, 0]);
        let decisions = &mut self.decisions;
        let s = &mut self.servers[server];
        let subject = subject(server, device);
        let flushing = match device {
            Device::Nvram => s.nvram.submit_flush(now, decisions, subject),
            Device::Mark => s.mark.submit_flush(now, decisions, subject),
            Device::Log | Device::Image => {
                let disk =
                    if device == Device::Log { s.log.as_mut().unwrap_or(&mut s.image) } else { &mut s.image };
                disk.submit_flush(now, decisions, subject)
            }
        };
        self.under_way(server, device, token, Work::Flush(flushing.mark), flushing.at);
    }

    pub(super) fn operation_done(&mut self, slot: u32) {
        let Some(op) = self.operations_under_way.take(slot) else { return };
        let Operation { server, incarnation, token, device, work } = op;
        let failed = matches!(work, Work::Flush(mark) if self.flush_fails(server, device, mark, incarnation));
        let number = if failed { kinds::FAILED_FLUSH } else { kinds::work_number(&work) };
        self.emit(
            kinds::DONE,
            server,
            server,
            (device as u16) << 8 | number,
            [token.0, incarnation as u64, 0],
        );
        let completion = match work {
            Work::Write(serials) => {
                serials.iter().for_each(|serial| self.servers[server].store_mut(device).complete(*serial));
                Completion::Done
            }
            Work::NoSpace(serials) => {
                serials.iter().for_each(|serial| self.servers[server].store_mut(device).complete(*serial));
                Completion::NoSpace
            }
            Work::Short(serials, rest) => {
                serials.iter().for_each(|serial| self.servers[server].store_mut(device).complete(*serial));
                if self.servers[server].incarnation == incarnation {
                    self.write_on(server, device, token, rest, serials.is_empty());
                }
                return;
            }
            Work::Failed(serials) => {
                serials.iter().for_each(|serial| self.servers[server].store_mut(device).complete(*serial));
                Completion::Failed(device)
            }
            Work::Flush(_) if failed => Completion::Failed(device),
            Work::Flush(mark) => {
                self.flush_ends(server, device, mark);
                Completion::Done
            }
            Work::Read(ranges) if self.is_gone(server, device) => {
                let nothing = |length: u64| Bytes::from(vec![UNREADABLE; length as usize]);
                Completion::Read(ranges.iter().map(|(_, length)| nothing(*length)).collect())
            }
            Work::Read(ranges) => {
                let store = self.servers[server].store(device);
                Completion::Read(ranges.iter().map(|(at, length)| store.read(*at, *length)).collect())
            }
        };
        self.deliver_done(server, token, completion, incarnation);
    }

    pub(super) fn deliver_done(
        &mut self,
        server: usize,
        token: Token,
        completion: Completion,
        incarnation: u32,
    ) {
        let (now, shows) = (self.sched.now(), self.clock(server));
        let s = &mut self.servers[server];
        if s.incarnation != incarnation {
            self.coverage.marks.reached(Mark::LateCompletion);
            return;
        }
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Done(token, completion, incarnation));
            return;
        }
        if s.machine.is_some() && matches!(token.duty(), Duty::Role | Duty::Boot) {
            let (judge, who) = self.bench.at(server);
            judge.heard(who);
        }
        if let Some(machine) = self.servers[server].machine.as_mut() {
            machine.handle_done(shows, token, completion);
            self.drain(server);
        }
    }

    pub(super) fn flush_ends(&mut self, server: usize, device: Device, mark: FlushMark) {
        let keeps = self.is_destination(server) || self.promotes();
        let before = self.before_flush(server, device);
        let count = self.mirrors_at(server).len();
        let mut probe = self.bench.probe(server).filter(|_| keeps);
        let mut ranges: SmallVec<[(u64, u64); 8]> = SmallVec::new();
        let mut mirrors: SmallVec<[usize; 8]> = SmallVec::new();
        self.servers[server].store_mut(device).end_flush_with(mark, |write| {
            let (mirror, range) = (write.tag as usize, (write.offset, write.len()));
            ranges.push(range);
            if let Some(probe) = &mut probe {
                probe.flushed(mirror, device, write.serial, range);
                if !mirrors.contains(&mirror) && mirror < count {
                    mirrors.push(mirror);
                }
            }
        });
        if ranges.is_empty() {
            return;
        }
        let (judge, who) = self.bench.at(server);
        let s = &self.servers[server];
        judge.flushed(who, oracle_device(device), &ranges, &s.stable(), &s.current());
        if !self.rollbacks.is_empty() {
            self.note_changes(server, device, &ranges);
        }
        if let Some(before) = before {
            self.go_astray(server, device, before, &ranges);
        }
        if !mirrors.is_empty()
            && let Some((probe, judge)) = self.bench.kept(server)
        {
            let s = &self.servers[server];
            probe.changed(kinds::change_flushed(device), &mirrors, s, judge);
        }
    }
}
