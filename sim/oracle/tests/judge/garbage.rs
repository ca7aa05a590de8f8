//! Nothing panics, whatever the bytes are.

use crate::encode::{self, Link, Record, Superblock};
use crate::rig::*;
use bytes::Bytes;
use mirrorsim_oracle::*;

#[test]
fn sound_bytes_with_flips_and_garbage_never_panic() {
    let mut seed = 11u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        seed >> 20
    };
    for _ in 0..60 {
        let mut rig = Rig::new();
        story(&mut rig, 2);
        rig.run(write(0, 600, 3));
        for _ in 0..40 {
            let device = [Device::Nvram, Device::Mark, Device::Log, Device::Image][next() as usize % 4];
            let server = if next() % 2 == 0 { Server::Destination } else { Server::Source(0) };
            let machine = if server == Server::Destination { &rig.destination } else { &rig.source };
            let length = machine.disks[device as usize].current.len().max(512) as u64;
            let offset = next() % length;
            let bytes: Vec<u8> = (0..next() % 200 + 1).map(|_| next() as u8).collect();
            rig.store(server, device, offset, &bytes);
            if next() % 3 == 0 {
                rig.flush(server, device);
            }
        }
        let (s, d) = (rig.source.clone(), rig.destination.clone());
        rig.judge.expected_recovery(0, &d.current());
        rig.judge.delta(0);
        rig.judge.fault_damage(Server::Destination, Device::Log, 0, 40_000, &d.stable(), &d.current());
        rig.judge.crashed(Server::Destination, true, &d.current(), &d.current());
        rig.judge.crashed(Server::Source(0), true, &s.current(), &s.current());
        let to = RecoveredTo { position: Position::new(next() % 4, next() % 4), verdict: Verdict::Complete };
        rig.judge.probe(0, &d.current(), &[(next() % 100_000, 900)], None, to);
        rig.judge.recovered(0, &d.current(), to);
        rig.judge.quiescent(0, &s.current(), &d.current());
        rig.judge.frame(
            Server::Source(0),
            Server::Destination,
            &vec![next() as u8; (next() % 300) as usize],
            &Bytes::new(),
        );
        rig.judge.end();
        assert!(rig.judge.total_findings() > 0);
    }
}

/// Structures whose checks are right and whose fields are anything.
#[test]
fn wild_fields_with_good_checks_never_panic() {
    let mut seed = 23u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let any = seed >> 16;
        match any % 5 {
            0 => 0,
            1 => any % 9,
            2 => u64::MAX - any % 3,
            _ => any,
        }
    };
    for round in 0..200 {
        let mut rig = Rig::new();
        story(&mut rig, round % 3);
        let server = if next() % 2 == 0 { Server::Destination } else { Server::Source(0) };
        for _ in 0..20 {
            let link = Link(next(), next(), next());
            let record = Record {
                uuid: uuid(next() as usize % 2),
                operation: (next() % 3) as u8 + 1,
                position: (next(), next()),
                prev: if next() % 2 == 0 { rig.tail() } else { link },
                client: next() as u32,
                slot: next() as u32,
                request: next(),
                volume: next() as u32,
                offset: next(),
                length: next(),
                payload: vec![next() as u8; (next() % 40) as usize],
            };
            let superblock = Superblock {
                role: (next() % 6) as u16,
                counter: next(),
                epoch: next(),
                cursor: (next(), next()),
                tail: link,
                recovered: (next(), next()),
                verdict: next() % 5,
                damaged: [next(), next(), next(), next()],
                policy: 0,
            };
            let u = uuid(0);
            let entries = [(next(), vec![7; 512]), (DATA + next() % 40 * 512, vec![8; 512])];
            let unit = [0, 128, 128, SEGMENT, PARTITION, PARTITION + 128, FILE][next() as usize % 7];
            let (device, at, bytes) = match next() % 8 {
                0 => (Device::Nvram, unit, record.bytes()),
                1 => (Device::Log, unit, record.bytes()),
                2 => (Device::Nvram, unit, encode::segment(&u, true, next())),
                3 => (Device::Log, unit, encode::file(&u, next(), next(), link)),
                4 => (Device::Mark, 0, encode::mark(&u, next(), (next(), next()), (next(), next()))),
                5 => (Device::Image, 0, superblock.bytes(&u)),
                6 => (Device::Image, 4096, encode::journal(&u, (next(), next()), link, &entries)),
                _ => (Device::Nvram, PARTITION * (next() % 2), encode::seal(&u, next(), &[], link)),
            };
            rig.store(server, device, at, &bytes);
            rig.flush(server, device);
            let body: Vec<u64> = (0..9).map(|_| next()).collect();
            let kind = next() % 15;
            rig.send(
                if next() % 2 == 0 { server } else { Server::Source(0) },
                kind as u16,
                &encode::words(&body),
                &[],
            );
            rig.send(Server::Source(0), 5, &record.header(), &record.payload);
        }
        let d = rig.destination.clone();
        rig.judge.delta(0);
        let to = rig.judge.expected_recovery(0, &d.stable());
        rig.judge.probe(0, &d.stable(), &[], None, to);
        rig.judge.crashed(server, true, &d.stable(), &d.stable());
        rig.judge.end();
    }
}
