//! Boot: what the NVRAM holds is the log; a torn tail is cut off, a lost one stops the server (SR7, SR8).

use super::admission::{Outcome, SlotState};
use super::log::{Entry, Generation, Log, Sealing};
use super::{Source, State};
use crate::area::Area;
use crate::block_map::BlockMap;
use crate::config::{AckLevel, Policy, PolicyKind};
use crate::effect::{Alarm, Answer, Completion, Device, Duty, Effect, Outbox, Ranges, Run, Token};
use crate::ground::Ground;
use crate::ids::{Link, Position, RequestId};
use crate::nvram_log::{SEAL, Seal};
use crate::quirk::{Bend, Quirk};
use crate::record::{Record, extend_digest};
use crate::reply_table::{self, ReplyEntry};
use crate::shape::Shape;
use crate::stage::Stage;
use crate::superblock::{Role, Superblock};
use alloc::boxed::Box;
use alloc::vec::Vec;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Flush,
    Ground,
    Redo,
    Seals,
    Partition(usize),
    Replies,
    Map,
    Erase,
    Promise,
    Superblock,
    SuperblockFlush,
}

/// A boot under way.
pub(super) struct Boot<Q> {
    step: Step,
    token: Token,
    waiting: u32,
    /// When what found no space is written again.
    pub(super) retry: Option<u64>,
    ground: Ground<Q>,
    superblock: Superblock,
    partitions: Vec<(Option<Seal>, Area)>,
    replies: Vec<ReplyEntry>,
}

fn answer(operation: u64, result: u64) -> Answer {
    if operation == 3 { Answer::Added(result) } else { Answer::Written }
}

/// Whether it may have answered for whatever it has, without the destination. In sync under `degrade` it was only what is
/// acknowledged.
fn answers_unwaited(found: &Superblock) -> bool {
    matches!(found.policy, PolicyKind::SemiSync | PolicyKind::Async)
        || found.ack == AckLevel::Received
        || found.role == Role::Degraded
}

/// The youngest record or seal in the NVRAM.
fn trace<Q>(boot: &Boot<Q>) -> Position {
    let seals = boot.partitions.iter().filter_map(|(seal, _)| *seal);
    let records = boot.partitions.iter().filter_map(|(_, area)| area.records.last());
    let seals = seals.map(|s| Position::new(s.generation, s.count));
    // Of what came before a promotion there is none here.
    seals
        .chain(records.map(|r| r.position))
        .chain([boot.superblock.recovered])
        .max()
        .unwrap_or(Position::ZERO)
}

impl<Q: Quirk> Source<Q> {
    pub(super) fn start_boot(&mut self) {
        self.stage(Stage::BootStarted, Position::ZERO);
        // A process crash leaves unflushed bytes in the caches; nothing counts before it is durable. What is not after that
        // is what the cache only takes for written, after a flush that failed: it is forgotten.
        for device in [Device::Nvram, Device::Mark, Device::Image] {
            self.out.flush(self.index, Duty::Boot, device);
        }
        let ground =
            Ground::new(self.geometry.clone(), self.region.clone(), self.index, self.home.mark, self.quirk);
        self.state = State::Booting(Box::new(Boot {
            step: Step::Flush,
            token: Token(0),
            waiting: 3,
            retry: None,
            ground,
            superblock: self.superblock,
            partitions: Vec::new(),
            replies: Vec::new(),
        }));
    }

    pub(super) fn boot_done(&mut self, token: Token, completion: Completion) {
        let State::Booting(mut boot) = core::mem::replace(&mut self.state, State::Stopped) else { return };
        let finished = self.boot_step(&mut boot, token, completion);
        if matches!(self.state, State::Stopped) && finished == Some(false) {
            self.state = State::Booting(boot);
        }
    }

    /// `Some(false)`: goes on; `Some(true)`: serves; `None`: stopped with an alarm.
    fn boot_step(&mut self, boot: &mut Boot<Q>, token: Token, completion: Completion) -> Option<bool> {
        match boot.step {
            Step::Flush => {
                boot.waiting -= 1;
                if boot.waiting == 0 {
                    if !self.quirk.bends(Bend::BelieveCache) {
                        self.out.push(Effect::Reload { device: Device::Image });
                    }
                    boot.step = Step::Ground;
                    boot.ground.start(&mut self.out);
                }
            }
            Step::Ground => {
                if boot.ground.waits_for(token)
                    && boot.ground.done(completion, &mut boot.superblock, &mut self.out)
                {
                    let Some(superblock) = boot.ground.superblock else {
                        match boot.ground.refusal {
                            Some(alarm) => self.stop(alarm),
                            None => self.lose_disk(boot),
                        }
                        return None;
                    };
                    boot.superblock = superblock;
                    self.stage(Stage::BootStep, Position::ZERO);
                    let epoch = superblock.epoch;
                    match superblock.role {
                        Role::Source | Role::Degraded | Role::Retired => {}
                        Role::Diverged => {
                            self.stop(Alarm::Diverged { epoch });
                            return None;
                        }
                        _ => {
                            self.stop(Alarm::Fenced { epoch });
                            return None;
                        }
                    }
                    boot.step = Step::Redo;
                    if !boot.ground.redo(&mut self.out) {
                        self.read_seals(boot);
                    }
                }
            }
            Step::Redo => {
                if boot.ground.waits_for(token)
                    && boot.ground.done(completion, &mut boot.superblock, &mut self.out)
                {
                    self.read_seals(boot);
                }
            }
            _ if token != boot.token => {}
            Step::Seals => {
                let Completion::Read(data) = completion else { return Some(false) };
                for (p, bytes) in data.iter().enumerate() {
                    let start = self.partition(p as u64);
                    let area = Area::new(start + SEAL, start + self.geometry.partition_size, None);
                    boot.partitions.push((Seal::decode(self.geometry.mirror, bytes), area));
                }
                self.read_partition(boot, 0);
            }
            Step::Partition(p) => {
                let Completion::Read(data) = completion else { return Some(false) };
                match boot.partitions[p].1.feed(&self.geometry, &data) {
                    Some(ranges) => {
                        boot.token = self.out.read(self.index, Duty::Boot, Device::Nvram, ranges);
                    }
                    None => self.read_partition(boot, p + 1),
                }
            }
            Step::Replies => {
                let Completion::Read(data) = completion else { return Some(false) };
                for block in &data {
                    let entries = block.len() / reply_table::ENTRY as usize;
                    boot.replies.extend(
                        (0..entries).filter_map(|i| ReplyEntry::get(block, i * reply_table::ENTRY as usize)),
                    );
                }
                let (number, _) = boot.superblock.map;
                if boot.superblock.role == Role::Degraded && number > 0 {
                    boot.step = Step::Map;
                    let at = self.map_place(number);
                    let range = core::iter::once((at, self.geometry.map_size())).collect();
                    boot.token = self.out.read(self.index, Duty::Boot, Device::Image, range);
                    return Some(false);
                }
                return self.take_log(boot);
            }
            Step::Map => {
                let Completion::Read(data) = completion else { return Some(false) };
                // Where it is damaged, every block may be one that the destination lacks.
                let last = boot.superblock.alone.counted;
                self.map = BlockMap::decode(&self.geometry, boot.superblock.map, &data[0])
                    .unwrap_or_else(|| BlockMap::full(&self.geometry, last));
                return self.take_log(boot);
            }
            // Not left under way: the next write of the mark must find this one durable, or both slots can be torn.
            Step::Erase => {
                boot.step = Step::Promise;
                boot.token = self.out.flush(self.index, Duty::Boot, Device::Mark);
            }
            Step::Promise => self.write_superblock(boot),
            Step::Superblock if matches!(completion, Completion::NoSpace) => {
                boot.retry = Some(self.now + self.knobs.resend_after);
            }
            Step::Superblock => {
                boot.step = Step::SuperblockFlush;
                boot.token = self.out.flush(self.index, Duty::Boot, Device::Image);
            }
            Step::SuperblockFlush => {
                self.superblock = boot.superblock;
                self.state = State::Serving;
                self.opened_at = self.now;
                // What was freed alone may still stand there: it is freed again, so that the map speaks of nothing in the log.
                self.mapped = self.log.upto(self.map.last());
                let told = self.alone() || self.superblock.policy != PolicyKind::Strict;
                self.known = told || self.log.base_position > Position::ZERO;
                self.changed_at = Some(self.now);
                self.stage(Stage::Booted, self.log.tip.position);
                if self.superblock.is_fenced() && !self.retired() && !self.quirk.bends(Bend::AnswerFenced) {
                    self.leave_again();
                    return Some(true);
                }
                self.connect();
                return Some(true);
            }
        }
        Some(false)
    }

    fn read_seals(&mut self, boot: &mut Boot<Q>) {
        if !self.quirk.bends(Bend::KeepRecoveredOpen) {
            boot.superblock.close_recovered();
        }
        let ranges: Ranges = (0..self.geometry.partitions).map(|p| (self.partition(p), SEAL)).collect();
        boot.step = Step::Seals;
        boot.token = self.out.read(self.index, Duty::Boot, Device::Nvram, ranges);
    }

    fn read_partition(&mut self, boot: &mut Boot<Q>, from: usize) {
        for p in from..boot.partitions.len() {
            if let Some(ranges) = boot.partitions[p].1.first() {
                boot.step = Step::Partition(p);
                boot.token = self.out.read(self.index, Duty::Boot, Device::Nvram, ranges);
                return;
            }
        }
        let mut ranges = Ranges::new();
        for map in &self.region.volumes {
            ranges.push((map.block(map.data_blocks), self.geometry.reply_blocks() * map.block_size));
        }
        boot.step = Step::Replies;
        boot.token = self.out.read(self.index, Duty::Boot, Device::Image, ranges);
    }

    /// Rebuilds the log from the partitions, oldest generation first.
    fn take_log(&mut self, boot: &mut Boot<Q>) -> Option<bool> {
        for entry in boot.replies.iter().filter(|_| !self.quirk.bends(Bend::ForgetReplies)) {
            let key = (entry.id.client, entry.id.slot);
            if self.slots.get(&key).is_none_or(|s| s.request < entry.id.request) {
                let outcome = Outcome::Logged { needs: 0, answer: answer(entry.operation, entry.result) };
                self.slots.insert(key, SlotState { request: entry.id.request, outcome });
            }
        }
        let (erase, torn) = self.rebuild(boot);
        let marked = boot.ground.mark.unwrap_or_default();
        let found = self.log.tip.position.max(boot.superblock.tail.position);
        // A mark may name the last record of a generation that was freed since.
        let hole =
            self.log.base_position > boot.superblock.tail.position && !self.quirk.bends(Bend::ServeOverHole);
        if boot.ground.mark.is_none() || found < marked.nvram || hole {
            self.lose_log(boot, Alarm::LogLost { found, marked: marked.nvram });
            return None;
        }
        // Freed or not, what was promised last leaves its trace until a younger generation is durable.
        let trace = trace(boot);
        if trace.generation < marked.nvram.generation {
            self.lose_log(boot, Alarm::LogLost { found: trace, marked: marked.nvram });
            return None;
        }
        self.mark = marked;
        self.mark.counter += 1;
        self.mark.nvram = self.mark.nvram.max(found);
        self.log.durable = self.log.next();
        self.marked = self.log.durable;
        // What the boot counts as logged is promised from now on, and what lies beyond is erased, both before use.
        let run = Run::one(self.mark.slot(self.home.mark), self.mark.encode(self.geometry.mirror));
        self.out.write(self.index, Duty::Boot, Device::Mark, alloc::vec![run]);
        if torn {
            self.stage(Stage::TornTail, found);
        }
        for (at, length) in erase {
            self.out.discard(self.index, Duty::Boot, Device::Nvram, at, length);
        }
        boot.step = Step::Erase;
        boot.token = self.out.flush(self.index, Duty::Boot, Device::Nvram);
        Some(false)
    }

    /// Fills the log; returns what is to be erased behind its end, and whether that is a torn tail.
    fn rebuild(&mut self, boot: &Boot<Q>) -> (Vec<(u64, u64)>, bool) {
        struct Fill<'a> {
            number: u64,
            seal: Option<Seal>,
            records: &'a [Record],
            area: &'a Area,
        }
        let mut fills: Vec<Fill> = Vec::new();
        let p_count = self.geometry.partitions;
        for (p, (seal, area)) in boot.partitions.iter().enumerate() {
            let first = area.records.first().map_or(0, |r| r.position.generation);
            let sealed = seal.map_or(0, |s| s.generation);
            let number = first.max(sealed);
            if number == 0 || number % p_count != p as u64 {
                continue;
            }
            let records = if first == number { &area.records[..] } else { &[] };
            let count = records.iter().take_while(|r| r.position.generation == number).count();
            fills.push(Fill {
                number,
                seal: seal.filter(|s| s.generation == number),
                records: &records[..count],
                area,
            });
        }
        fills.sort_by_key(|f| f.number);
        let marked = boot.ground.mark.unwrap_or_default().nvram;
        let promised = marked.generation;
        let (mut erase, mut torn) = (Vec::new(), false);
        let mut reseal = Vec::new();
        let mut log = Log::default();
        let mut link: Option<Link> = None;
        for fill in &fills {
            let start = fill.area.start - SEAL;
            // The seal of an empty generation names what it follows; of one whose records were lost it does not.
            let empty = fill.seal.filter(|s| s.count == 0).map(|s| s.tail);
            let prev = fill.records.first().map(|r| r.prev).or(empty);
            let mut follows = log.generations.back().is_some_and(|g| g.number + 1 == fill.number);
            // Promised, or its predecessor is applied: then what is older was freed and is half overwritten.
            let real =
                fill.number <= promised || prev.is_some_and(|p| p.position <= boot.superblock.tail.position);
            if !follows || prev != link {
                if !real {
                    // It was written before what it follows was durable: a torn tail, never forwarded.
                    if fill.seal.is_some() {
                        erase.push((start, SEAL));
                    }
                    torn = true;
                    continue;
                }
                follows = false;
            }
            if let Some(g) = log.generations.back_mut().filter(|g| follows && g.sealing == Sealing::Open) {
                // A partition followed by a younger one is sealed, also if its seal was lost (SR3).
                g.sealing = Sealing::Durable;
                let seal = Seal {
                    epoch: boot.superblock.epoch,
                    generation: g.number,
                    count: g.count,
                    digest: g.digest,
                    tail: log.tip,
                };
                let at = self.partition(g.number);
                reseal.push(Run::one(at, seal.encode(self.geometry.mirror)));
                log.owed.insert(g.number, (g.count, g.digest));
            }
            // The log is the last run of generations without a hole; what is older was freed.
            if !follows {
                link = prev.or(Some(boot.superblock.tail));
                log = Log::default();
                erase.clear();
                reseal.clear();
                torn = false;
                log.tip = link.unwrap_or_default();
                log.base_position = log.tip.position;
            }
            let mut g = Generation::new(fill.number, log.next());
            for record in fill.records {
                // A sealed generation is never appended to: what follows is left from a tail that was lost before.
                let sealed = fill.seal.is_some_and(|s| s.count == g.count && s.digest == g.digest);
                if sealed || Some(record.prev) != link || record.position.sequence != g.count + 1 {
                    break;
                }
                link = Some(record.link());
                g.count += 1;
                g.used += record.size();
                g.digest = extend_digest(g.digest, record.check);
                let end_bytes = log.bytes(log.next()) + record.size();
                log.entries.push_back(Entry { record: record.clone(), end_bytes });
                log.tip = record.link();
            }
            match fill.seal {
                Some(s) if s.count == g.count && s.digest == g.digest => g.sealing = Sealing::Durable,
                // What is missing was never promised: a torn tail whose seal survived. It goes on, unsealed.
                Some(_) if Position::new(fill.number, g.count) >= marked => {
                    erase.push((start, SEAL));
                    torn = true;
                }
                // Freed, and its first record overwritten; or damaged, which the mark and the cursor tell.
                Some(_) => {
                    log = Log::default();
                    erase.clear();
                    reseal.clear();
                    link = None;
                    continue;
                }
                None => {}
            }
            g.applied = boot.superblock.applied_gen >= g.number;
            if g.sealing != Sealing::Durable && g.used < self.geometry.partition_size {
                torn |= g.count < fill.records.len() as u64 || fill.area.half;
            }
            log.generations.push_back(g);
        }
        if log.generations.is_empty() {
            log.tip = boot.superblock.tail;
            log.base_position = log.tip.position;
        }
        // Asked again until the destination says that it has them, also where the partition is in use again.
        let oldest = log.generations.front().map_or(boot.superblock.applied_gen + 1, |g| g.number);
        let seals = boot.partitions.iter().filter_map(|(seal, _)| *seal);
        let freed = seals.filter(|s| s.generation < oldest);
        let kept = log.generations.iter().filter(|g| g.sealing == Sealing::Durable);
        let owed: Vec<_> = kept.map(|g| (g.number, (g.count, g.digest))).collect();
        log.owed.extend(owed);
        log.owed.extend(freed.map(|s| (s.generation, (s.count, s.digest))));
        if !reseal.is_empty() {
            self.out.write(self.index, Duty::Boot, Device::Nvram, reseal);
        }
        let youngest = log.generations.back().map_or(0, |g| g.number);
        let sealed = log.owed.last_key_value().map_or(0, |(g, _)| *g);
        log.youngest = youngest.max(sealed).max(boot.superblock.applied_gen).max(log.tip.position.generation);
        log.proven = log.youngest - log.open().is_some_and(|g| g.count == 0) as u64;
        // What a lost tail has left must not follow again, whatever comes before it (SR7); it may stand in any partition,
        // behind what looks like the end of an older fill.
        for p in 0..p_count {
            let kept = log.generations.iter().find(|g| g.number % p_count == p);
            let bent = self.quirk.bends(Bend::KeepLostTail);
            if bent && kept.is_none_or(|g| g.sealing == Sealing::Durable) {
                continue;
            }
            let (start, used) = (self.partition(p), kept.map_or(SEAL, |g| g.used));
            if used < self.geometry.partition_size {
                erase.push((start + used, self.geometry.partition_size - used));
            }
        }
        self.log = log;
        for ordinal in self.log.base..self.log.next() {
            let record = self.log.entry(ordinal).record.clone();
            let RequestId { client, slot, request } = record.id;
            let (operation, result) = record.operation.result();
            let outcome = Outcome::Logged { needs: ordinal + 1, answer: answer(operation, result) };
            self.slots.insert((client, slot), SlotState { request, outcome });
            if !boot.superblock.covers(record.position) {
                self.overlay(&record, ordinal);
            }
        }
        (erase, torn)
    }

    /// Its superblock is lost, and nothing says which role it had: if it may have been alone, its mark says up to where.
    fn lose_disk(&mut self, boot: &Boot<Q>) {
        if self.knobs.policy != Policy::Strict || self.knobs.ack == AckLevel::Received {
            self.lost_alone = boot.ground.mark.map_or(Position::ZERO, |mark| mark.nvram);
        }
        self.lose(Alarm::NoSuperblock);
    }

    /// Its log is lost. If it may have answered alone, up to its mark, nobody else need have that.
    fn lose_log(&mut self, boot: &Boot<Q>, alarm: Alarm) {
        self.superblock = boot.superblock;
        if answers_unwaited(&boot.superblock) {
            let all = Position::new(u64::MAX, u64::MAX);
            self.lost_alone = boot.ground.mark.map_or(all, |mark| mark.nvram.max(self.log.tip.position));
        }
        self.lose(alarm);
    }

    fn write_superblock(&mut self, boot: &mut Boot<Q>) {
        boot.superblock.counter += 1;
        boot.superblock.boot += 1;
        // Nobody remembers what was answered before.
        if answers_unwaited(&boot.superblock) {
            self.answered_alone = self.log.next();
        }
        boot.superblock.ack = self.knobs.ack;
        // More may be promised at once; less only when the destination knows (section 6).
        if self.knobs.policy == Policy::Strict {
            boot.superblock.policy = PolicyKind::Strict;
        }
        boot.superblock.shape = Shape::of(&self.geometry);
        self.put_superblock(boot);
    }

    fn put_superblock(&mut self, boot: &mut Boot<Q>) {
        let run =
            Run::one(self.region.base + boot.superblock.slot(), boot.superblock.encode(self.geometry.mirror));
        boot.step = Step::Superblock;
        boot.token = self.write_boot(run);
    }

    /// The superblock found no space: once more, when it is time.
    pub(super) fn retry_boot(&mut self) {
        let State::Booting(mut boot) = core::mem::replace(&mut self.state, State::Stopped) else { return };
        if boot.retry.is_some_and(|at| at <= self.now) {
            boot.retry = None;
            self.put_superblock(&mut boot);
        }
        self.state = State::Booting(boot);
    }

    fn write_boot(&mut self, run: Run) -> Token {
        let out: &mut Outbox = &mut self.out;
        out.write(self.index, Duty::Boot, Device::Image, alloc::vec![run])
    }
}
