//! A tiny pair of machines that does everything in step, on plain byte arrays, and tells a judge. `skip` names a step
//! that is left out, or done wrong: each is a bug that some oracle must see.

use crate::encode::{self, Link, Record, Superblock};
use crate::machine::{Machine, View};
use bytes::Bytes;
use mirrorsim_oracle::*;
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_64;

pub const BLOCK: u64 = 512;
pub const PARTITION: u64 = 4096;
pub const FILE: u64 = 8192;
pub const SEGMENT: u64 = 2048;
pub const SEGMENTS: u64 = 16;
pub const JOURNAL: u64 = 65536;
pub const VOLUME: u64 = 16384;
const SLOTS: u64 = 20;
pub const PATIENCE: u64 = 100_000;

pub fn uuid(mirror: usize) -> [u8; 16] {
    [mirror as u8 + 1; 16]
}

#[derive(Clone, Default)]
pub struct Side {
    pub superblock: Superblock,
    /// Index of the cursor.
    pub applied: usize,
}

pub struct Rig {
    pub judge: Judge,
    pub skip: &'static str,
    pub source: Machine,
    pub destination: Machine,
    pub records: Vec<Record>,
    pub generation: u64,
    append: u64,
    request: u64,
    marks: u64,
    own_marks: u64,
    pub nvram: (u64, u64),
    pub filed: (u64, u64),
    segment: Option<u64>,
    segment_at: u64,
    serial: u64,
    file_at: u64,
    pub ours: Side,
    pub theirs: Side,
    time: u64,
}

pub fn setup() -> Setup {
    let source = |i: usize| SourceSetup {
        name: i.to_string(),
        uuid: uuid(i),
        partition_size: PARTITION,
        volumes: vec![VOLUME],
        clients: 1,
        slots: SLOTS as u32,
        journal_size: JOURNAL,
        patience: PATIENCE,
    };
    Setup {
        block_size: BLOCK,
        partitions: 2,
        files: 2,
        max_length: None,
        level: Level::Nvram,
        reads: ReadRule::Confirmed,
        retry: RetryRule::ExactlyOnce,
        policy: Policy::Strict,
        hold: 0,
        stream: true,
        global_apply: false,
        timed_seals: false,
        lossy: false,
        sources: vec![source(0), source(1)],
        destination: DestinationSetup {
            nvram_size: SEGMENT * SEGMENTS,
            segment_size: SEGMENT,
            file_size: FILE,
        },
    }
}

// docs/formats.md: superblocks, journal, then data blocks, reply table (20 * 32 bytes: 2 blocks), check table.
pub const DATA: u64 = 4096 + JOURNAL;
pub const BLOCKS: u64 = VOLUME / BLOCK;
pub const CHECKS: u64 = DATA + (BLOCKS + 2) * BLOCK;

impl Rig {
    pub fn new() -> Self {
        Rig::with(setup())
    }

    pub fn with(setup: Setup) -> Self {
        Rig {
            judge: Judge::new(setup),
            skip: "",
            source: Machine::new(),
            destination: Machine::new(),
            records: Vec::new(),
            generation: 1,
            append: 128,
            request: 0,
            marks: 0,
            own_marks: 0,
            nvram: (0, 0),
            filed: (0, 0),
            segment: None,
            segment_at: 0,
            serial: 0,
            file_at: 0,
            ours: Side::default(),
            theirs: Side::default(),
            time: 0,
        }
    }

    pub fn skips(skip: &'static str) -> Self {
        let mut rig = Rig::new();
        rig.skip = skip;
        rig
    }

    fn tick(&mut self) {
        self.time += 1;
        self.judge.at(self.time * 1000, self.time);
    }

    pub fn store(&mut self, server: Server, device: Device, offset: u64, bytes: &[u8]) {
        self.tick();
        let machine = if server == Server::Destination { &mut self.destination } else { &mut self.source };
        machine.poke(device, offset, bytes);
        let by = (server == Server::Destination).then_some(0);
        let (s, c) = (machine.stable(), machine.current());
        self.judge.stored(server, device, offset, bytes.len() as u64, by, &s, &c);
    }

    pub fn flush(&mut self, server: Server, device: Device) {
        self.tick();
        let machine = if server == Server::Destination { &mut self.destination } else { &mut self.source };
        let ranges = machine.settle(device);
        let (s, c) = (machine.stable(), machine.current());
        self.judge.flushed(server, device, &ranges, &s, &c);
    }

    pub fn send(&mut self, from: Server, kind: u16, body: &[u8], payload: &[u8]) {
        self.send_on([1, 1, 1], from, kind, body, payload);
    }

    pub fn send_on(&mut self, connection: [u64; 3], from: Server, kind: u16, body: &[u8], payload: &[u8]) {
        self.tick();
        let to = if from == Server::Destination { Server::Source(0) } else { Server::Destination };
        let frame = encode::frame(&uuid(0), connection, kind, body);
        self.judge.frame(from, to, &frame, &Bytes::copy_from_slice(payload));
    }

    pub fn tail(&self) -> Link {
        self.records.last().map_or(Link::default(), Record::link)
    }

    pub fn of_generation(&self, generation: u64) -> Vec<Record> {
        self.records.iter().filter(|r| r.position.0 == generation).cloned().collect()
    }

    /// One whole operation: issue, number, forward, reply, file.
    pub fn run(&mut self, op: Op) {
        let index = self.number(op);
        self.forward(index);
        self.accept(index);
        self.reply(index);
        self.file(index);
    }

    /// Issued by its client and put into the source's NVRAM.
    pub fn number(&mut self, op: Op) -> usize {
        self.request += 1;
        let slot = (self.request % SLOTS) as u32;
        let (request, client, volume) = (self.request, 0, 0);
        self.judge.issued(0, Request { client, slot, request, volume, op: op.clone() });
        let (operation, offset, length, payload) = match op {
            Op::Write { offset, payload } => (1, offset, payload.len() as u64, payload.to_vec()),
            Op::WriteZeroes { offset, length } => (2, offset, length, vec![]),
            Op::Add { offset, delta } => {
                let old = self.counter(offset) + u64::from(self.skip == "wrong counter");
                (3, offset, 8, encode::words(&[delta, old]))
            }
            Op::Read { .. } => unreachable!(),
        };
        let sequence = self.of_generation(self.generation).len() as u64 + 1;
        let mut record = Record {
            uuid: uuid(0),
            operation,
            position: (self.generation, sequence),
            prev: self.tail(),
            client,
            slot,
            request,
            volume,
            offset,
            length,
            payload,
        };
        match self.skip {
            "other offset" => record.offset += 512,
            "other link" => record.prev.2 ^= 1,
            "other request" => record.request += 7,
            "other mirror" => record.uuid = uuid(1),
            _ => {}
        }
        let at = self.generation % 2 * PARTITION + self.append;
        let bytes = record.bytes();
        assert!(self.append + bytes.len() as u64 <= PARTITION, "the partition is full: seal it");
        self.append += bytes.len() as u64;
        self.store(Server::Source(0), Device::Nvram, at, &bytes);
        if !["source flush", "source flush and mark"].contains(&self.skip) {
            self.flush(Server::Source(0), Device::Nvram);
        }
        if !["source mark", "source flush and mark"].contains(&self.skip) {
            self.own_marks += 1;
            let bytes = encode::mark(&uuid(0), self.own_marks, record.position, (0, 0));
            self.store(Server::Source(0), Device::Mark, self.own_marks % 2 * 128, &bytes);
            self.flush(Server::Source(0), Device::Mark);
        }
        self.records.push(record);
        self.records.len() - 1
    }

    /// Value of a counter after all records.
    pub fn counter(&self, offset: u64) -> u64 {
        let all = self.fold(self.records.len());
        u64::from_le_bytes(all[offset as usize..offset as usize + 8].try_into().unwrap())
    }

    /// The volume after the first `n` records.
    pub fn fold(&self, n: usize) -> Vec<u8> {
        let mut volume = vec![0; VOLUME as usize];
        for r in &self.records[..n] {
            let range = r.offset as usize..(r.offset + r.length) as usize;
            match r.operation {
                1 => volume[range].copy_from_slice(&r.payload),
                2 => volume[range].fill(0),
                _ => {
                    let sum =
                        r.payload[..8].iter().zip(0..).fold(0, |s, (b, i)| s | u64::from(*b) << (8 * i));
                    let old = u64::from_le_bytes(volume[range.clone()].try_into().unwrap());
                    volume[range].copy_from_slice(&old.wrapping_add(sum).to_le_bytes());
                }
            }
        }
        volume
    }

    pub fn forward(&mut self, index: usize) {
        let r = self.records[index].clone();
        self.send(Server::Source(0), 5, &r.header(), &r.payload);
    }

    /// Into the destination's NVRAM, marked, acknowledged.
    pub fn accept(&mut self, index: usize) {
        let d = Server::Destination;
        let r = self.records[index].clone();
        let bytes = r.bytes();
        if self.segment.is_none() || self.segment_at + bytes.len() as u64 > SEGMENT {
            self.serial += 1;
            let number = self.serial % SEGMENTS;
            self.store(d, Device::Nvram, number * SEGMENT, &encode::segment(&uuid(0), true, self.serial));
            self.segment = Some(number);
            self.segment_at = 128;
        }
        let at = self.segment.unwrap() * SEGMENT + self.segment_at;
        self.segment_at += bytes.len() as u64;
        if self.skip != "drop record" {
            self.store(d, Device::Nvram, at, &bytes);
        }
        if self.skip != "destination flush" {
            self.flush(d, Device::Nvram);
        }
        if self.skip != "nvram mark" {
            self.mark(r.position, self.filed);
        }
        self.nvram = r.position;
        self.send(d, 6, &encode::words(&[2, r.position.0, r.position.1, 0]), &[]);
    }

    pub fn mark(&mut self, nvram: (u64, u64), file: (u64, u64)) {
        self.marks += 1;
        let bytes = encode::mark(&uuid(0), self.marks, nvram, file);
        self.store(Server::Destination, Device::Mark, self.marks % 2 * 128, &bytes);
        if self.skip != "mark flush" {
            self.flush(Server::Destination, Device::Mark);
        }
    }

    pub fn reply(&mut self, index: usize) {
        let r = &self.records[index];
        let answer = match r.operation {
            3 => Answer::Added { old: u64::from_le_bytes(r.payload[8..].try_into().unwrap()) },
            _ => Answer::Written,
        };
        self.judge.answered(0, r.client, r.slot, r.request, answer);
    }

    pub fn place(&self, generation: u64) -> u64 {
        generation % 3 * FILE
    }

    /// From NVRAM to the file, marked, acknowledged.
    pub fn file(&mut self, index: usize) {
        let d = Server::Destination;
        let r = self.records[index].clone();
        let base = self.place(r.position.0);
        if r.position.1 == 1 {
            self.store(d, Device::Log, base, &encode::file(&uuid(0), r.position.0, 1, r.prev));
            self.file_at = 128;
        }
        let bytes = r.bytes();
        self.store(d, Device::Log, base + self.file_at, &bytes);
        self.file_at += bytes.len() as u64;
        if self.skip == "append twice" {
            self.store(d, Device::Log, base + self.file_at, &bytes);
            self.file_at += bytes.len() as u64;
        }
        if self.skip != "file flush" {
            self.flush(d, Device::Log);
        }
        self.filed = r.position;
        self.mark(self.nvram.max(r.position), r.position);
        self.send(d, 6, &encode::words(&[3, r.position.0, r.position.1, 0]), &[]);
    }

    /// Frees every segment.
    pub fn free(&mut self) {
        for number in 0..SEGMENTS {
            if self.destination.disks[Device::Nvram as usize].current.len() as u64 > number * SEGMENT {
                self.store(
                    Server::Destination,
                    Device::Nvram,
                    number * SEGMENT,
                    &encode::segment(&uuid(0), false, self.serial),
                );
            }
        }
        self.flush(Server::Destination, Device::Nvram);
        self.segment = None;
    }

    /// Seals the generation, asks for it, has it applied on both sides, and opens the next.
    pub fn seal(&mut self) {
        let d = Server::Destination;
        let g = self.generation;
        let records = self.of_generation(g);
        let prev = self.records.iter().rev().find(|r| r.position.0 < g).map_or(Link::default(), Record::link);
        let seal = encode::seal(&uuid(0), g, &records, prev);
        if self.skip != "force" {
            self.judge.forced(0);
        }
        self.store(Server::Source(0), Device::Nvram, g % 2 * PARTITION, &seal);
        if self.skip != "seal flush" {
            self.flush(Server::Source(0), Device::Nvram);
        }
        if self.skip != "sync request" {
            let body = encode::words(&[g, records.len() as u64, encode::digest(&records)]);
            self.send(Server::Source(0), 8, &body, &[]);
            self.judge.asked(0, g);
        }
        if !records.is_empty() {
            self.store(d, Device::Log, self.place(g) + self.file_at, &encode::trailer(&uuid(0), g, &records));
            self.flush(d, Device::Log);
        }
        if self.skip != "destination apply" {
            self.apply(d, (g, 0), self.records.len());
        }
        self.free();
        if !records.is_empty() {
            self.store(d, Device::Log, self.place(g), &vec![0; FILE as usize]);
            if self.skip != "clear flush" {
                self.flush(d, Device::Log);
            }
        }
        self.send(d, 9, &encode::words(&[g]), &[]);
        if self.skip != "source apply" {
            self.apply(Server::Source(0), (g, 0), self.records.len());
        }
        self.generation += 1;
        self.append = 128;
    }

    /// The blocks and check sectors that differ between two prefixes, as (byte on the disk, bytes).
    pub fn batch(&self, from: usize, to: usize) -> Vec<(u64, Vec<u8>)> {
        let changed: BTreeSet<u64> = self.records[from..to]
            .iter()
            .flat_map(|r| {
                let reply = BLOCKS + u64::from(r.slot) * 32 / BLOCK;
                (r.offset / BLOCK..=(r.offset + r.length - 1) / BLOCK).chain([reply])
            })
            .collect();
        let content = self.region(to);
        let written: BTreeMap<u64, u64> =
            (0..BLOCKS + 2).map(|b| (b, xxh3_64(&content[(b * BLOCK) as usize..][..512]))).collect();
        let ever: BTreeSet<u64> = self.batch_blocks(to);
        let mut out: Vec<(u64, Vec<u8>)> = changed
            .iter()
            .map(|b| (DATA + b * BLOCK, content[(b * BLOCK) as usize..][..512].to_vec()))
            .collect();
        for sector in changed.iter().map(|b| b / 16).collect::<BTreeSet<u64>>() {
            let mut bytes = vec![0; 512];
            for b in (sector * 16..sector * 16 + 16).filter(|b| ever.contains(b)) {
                let at = (b % 16 * 32) as usize;
                bytes[at..at + 16].copy_from_slice(&uuid(0));
                bytes[at + 16..at + 24].copy_from_slice(&b.to_le_bytes());
                bytes[at + 24..at + 32].copy_from_slice(&written[&b].to_le_bytes());
            }
            out.push((CHECKS + sector * 512, bytes));
        }
        out
    }

    fn batch_blocks(&self, to: usize) -> BTreeSet<u64> {
        self.records[..to]
            .iter()
            .flat_map(|r| {
                let reply = BLOCKS + u64::from(r.slot) * 32 / BLOCK;
                (r.offset / BLOCK..=(r.offset + r.length - 1) / BLOCK).chain([reply])
            })
            .collect()
    }

    /// Data and reply table after the first `n` records.
    fn region(&self, n: usize) -> Vec<u8> {
        let mut all = self.fold(n);
        all.resize(((BLOCKS + 2) * BLOCK) as usize, 0);
        for (i, r) in self.records[..n].iter().enumerate() {
            let result =
                if r.operation == 3 { u64::from_le_bytes(r.payload[8..].try_into().unwrap()) } else { 0 };
            let _ = i;
            let at = VOLUME as usize + r.slot as usize * 32;
            all[at..at + 4].copy_from_slice(&r.client.to_le_bytes());
            all[at + 4..at + 8].copy_from_slice(&r.slot.to_le_bytes());
            all[at + 8..at + 32].copy_from_slice(&encode::words(&[
                r.request,
                result,
                u64::from(r.operation),
            ]));
        }
        all
    }

    fn disk(&self, server: Server) -> View<'_> {
        if server == Server::Destination { self.destination.stable() } else { self.source.stable() }
    }

    fn side(&mut self, server: Server) -> &mut Side {
        if server == Server::Destination { &mut self.theirs } else { &mut self.ours }
    }

    /// DR6, up to record `to` (exclusive index).
    pub fn apply(&mut self, server: Server, cursor: (u64, u64), to: usize) {
        let from = self.side(server).applied;
        let tail = self.records[..to].last().map_or(Link::default(), Record::link);
        let mut batch = self.batch(from, to);
        if self.skip == "zero payload" {
            batch[0].1[3] ^= 1;
        }
        // The last run is a sector of the check table: an entry that must be another one now, or one that must not.
        let entry = match self.skip {
            "table entry" => Some(true),
            "table neighbour" => Some(false),
            _ => None,
        };
        if let Some(own) = entry {
            let (at, sector) = batch.last_mut().expect("not empty");
            let in_place = self.disk(server).read(Device::Image, *at, 512);
            let changed = |i: &usize| (sector[i * 32..][..32] != in_place[i * 32..][..32]) == own;
            let number = (0..16).find(changed).expect("some entry");
            match own {
                true => sector[number * 32..][..32].copy_from_slice(&in_place[number * 32..][..32]),
                false => sector[number * 32 + 30] ^= 1,
            }
        }
        if self.skip != "journal" {
            self.store(server, Device::Image, 4096, &encode::journal(&uuid(0), cursor, tail, &batch));
        }
        if self.skip != "journal flush" {
            self.flush(server, Device::Image);
        }
        for (at, bytes) in &batch {
            self.store(server, Device::Image, *at, bytes);
        }
        if self.skip != "block flush" {
            self.flush(server, Device::Image);
        }
        let role = if server == Server::Destination { 2 } else { 1 };
        let side = self.side(server);
        side.applied = to;
        (side.superblock.role, side.superblock.epoch, side.superblock.cursor, side.superblock.tail) =
            (role, 1, cursor, tail);
        self.superblock(server);
    }

    pub fn superblock(&mut self, server: Server) {
        let side = self.side(server);
        side.superblock.counter += 1;
        let superblock = side.superblock;
        let slot = if self.skip == "slots in turn" { 0 } else { superblock.counter % 2 };
        self.store(server, Device::Image, slot * 512, &superblock.bytes(&uuid(0)));
        if self.skip != "superblock flush" {
            self.flush(server, Device::Image);
        }
    }

    /// What a right recovery of the destination's stable bytes would leave, up to record `to`: state and touched ranges.
    pub fn recovery(&self, to: usize) -> (Machine, Vec<(u64, u64)>, RecoveredTo) {
        self.recovery_that_says(to, Verdict::Complete)
    }

    /// The same with a verdict that may be wrong.
    pub fn recovery_that_says(&self, to: usize, verdict: Verdict) -> (Machine, Vec<(u64, u64)>, RecoveredTo) {
        let mut copy = self.destination.clone();
        copy.cut();
        let mut touched = vec![(0, 1024)];
        for (at, bytes) in self.batch(self.theirs.applied, to) {
            copy.poke(Device::Image, at, &bytes);
            touched.push((at, bytes.len() as u64));
        }
        let position = self.records[..to].last().map_or((0, 0), |r| r.position);
        let mut superblock = self.theirs.superblock;
        (superblock.role, superblock.recovered) = (4, position);
        superblock.verdict = match verdict {
            Verdict::Complete => 1,
            Verdict::CompleteUpTo => 2,
            Verdict::Damaged { from, to } => {
                superblock.damaged = [from.generation, from.sequence, to.generation, to.sequence];
                3
            }
        };
        superblock.counter += 1;
        copy.poke(Device::Image, superblock.counter % 2 * 512, &superblock.bytes(&uuid(0)));
        let position = Position::new(position.0, position.1);
        (copy, touched, RecoveredTo { position, verdict })
    }

    pub fn probe(&mut self, to: usize) -> bool {
        let (state, touched, reached) = self.recovery(to);
        self.judge.probe(0, &state.current(), &touched, None, reached)
    }

    /// Names of the oracles that found something.
    pub fn found(&self) -> BTreeSet<&'static str> {
        self.judge.findings().iter().map(|f| f.oracle).collect()
    }

    pub fn clean(&self) {
        assert!(self.judge.findings().is_empty(), "{:#?}", self.judge.findings());
    }
}

pub fn write(offset: u64, length: usize, fill: u8) -> Op {
    Op::Write { offset, payload: Bytes::from(vec![fill; length]) }
}

pub fn add(offset: u64, delta: u64) -> Op {
    Op::Add { offset, delta }
}

/// A few operations of every kind, over block borders, several generations.
pub fn story(rig: &mut Rig, generations: u64) {
    for g in 0..generations {
        let g = g % 16;
        rig.run(write(g * 512, 512, g as u8 + 1));
        rig.run(add(8192 + g % 3 * 8, 5));
        rig.run(write(500 + g * 100, 700, 0x40 + g as u8));
        rig.run(Op::WriteZeroes { offset: 300, length: 900 });
        rig.run(write(1024, 512, 0));
        rig.seal();
    }
}

impl Rig {
    /// The source has lost its last record, and its number with it.
    pub fn forget(&mut self, index: usize) {
        let record = self.records.remove(index);
        self.append -= record.bytes().len() as u64;
    }
}

impl Rig {
    /// The source asks whether it is still in touch, and is told that it is.
    pub fn confirm(&mut self, number: u64) {
        self.send(Server::Source(0), 10, &encode::words(&[number]), &[]);
        self.send(Server::Destination, 11, &encode::words(&[number, 0]), &[]);
    }

    pub fn reopen(&mut self) {
        self.segment = None;
    }
}
