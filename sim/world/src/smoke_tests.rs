//! Runs built by hand.
use crate::spec::*;
use crate::{Entry, Options, run};
use mirror::config::*;

pub(crate) fn spec(operations: u64) -> Spec {
    let us = |min: u64, max: u64| Delay { min: min * 1000, mean: 0, max: max * 1000, shape: Shape::Uniform };
    let nvram = NvramSpec { flush: us(1, 5), tear: 64 };
    let disk = DiskSpec {
        read: us(20, 100),
        write: us(20, 100),
        flush: us(200, 1000),
        bandwidth: 0,
        tear: 512,
        garbage: false,
    };
    Spec {
        name: "by_hand".into(),
        protocol: Protocol {
            ack: AckLevel::Nvram,
            apply: Coupling::Independent,
            apply_scope: ApplyScope::PerSource,
            reads: Reads::Confirmed,
            policy: mirror::config::Policy::Strict,
            retry: Retry::ExactlyOnce,
            transport: Transport::Stream,
            partitions: 2,
            files: 2,
            seal_after: None,
            max_length: None,
            block_size: 512,
            resend_after: 10_000_000,
        },
        sources: vec![SourceSpec {
            name: "alpha".into(),
            partition_size: 16384,
            volumes: vec![VolumeSpec { name: "v".into(), size: 1 << 20 }],
            nvram: nvram.clone(),
            disk: disk.clone(),
            link: LinkSpec {
                latency: us(50, 500),
                bandwidth: 0,
                loss: Chance(0),
                duplicate: Chance(0),
                reorder: Chance(0),
                reorder_by: 0,
                corrupt: Chance(0),
                malformed: Chance(0),
                burst: Chance(0),
                burst_length: 1,
                in_flight: 0,
                mtu: 0,
            },
            destination: 0,
        }],
        destination: DestinationSpec {
            nvram_size: 128 * 1024,
            reserve: 32768,
            nvram,
            log_disk: disk.clone(),
            image_disk: disk,
        },
        destinations: vec![Placement::alone()],
        clients: vec![ClientSpec {
            name: "c1".into(),
            source: 0,
            slots: 4,
            timeout: 200_000_000,
            delay: us(5, 20),
            learns: us(0, 0),
            workload: Workload::Generated(Generated {
                operations,
                mix: Mix { write: 70, write_zeroes: 5, add: 20, read: 5 },
                sizes: vec![
                    SizeClass { min: 512, max: 512, step: 512, weight: 3 },
                    SizeClass { min: 1, max: 2000, step: 1, weight: 1 },
                ],
                addresses: Addresses::Uniform,
                volumes: vec![0],
                range: (0, 32768),
                align: 8,
                zero_payload: Chance(1 << 28),
                pacing: Pacing::Closed { think: Delay { min: 0, mean: 0, max: 0, shape: Shape::Constant } },
            }),
        }],
        faults: vec![],
        profile: Profile::default(),
        check: CheckSpec {
            mode: CheckMode::Every,
            exhaustive: 3,
            drawn: 1,
            nested_every: 16,
            full_every: 100,
            one_in: 10,
        },
        budget: Budget {
            events: 50_000_000,
            idle: 60_000_000_000,
            converge: 10_000_000_000,
            memory: 8 << 30,
        },
        beyond_model: false,
        allow_vacuous: false,
    }
}

#[test]
fn a_quiet_run_passes() {
    let run = run(&spec(300), 1, &Options { trace: true, ..Options::default() });
    if std::env::var_os("SHOW").is_some() {
        for e in run.trace.iter().take(400) {
            println!("{}", crate::render(&spec(1), e));
        }
    }
    for f in run.outcome.failures.iter().take(12) {
        println!("{} {} {} {}", f.oracle, f.invariant, f.event, f.message);
    }
    println!("{:?} digest {:x}", run.outcome.checks, run.outcome.digest);
    assert_eq!(run.outcome.verdict, crate::outcome::Verdict::Passed);
}

#[test]
fn the_end_of_one_fault_does_not_end_another() {
    let ms = |n: u64| n * 1_000_000;
    let mut s = spec(300);
    let clog = |at, direction, lasting| FaultSpec {
        when: When::At(ms(at)),
        fault: Fault::Clog { source: 0, direction, lasting: ms(lasting) },
        place: String::new(),
    };
    s.faults = vec![clog(25, Direction::Both, 4), clog(27, Direction::Forward, 10)];
    let run = run(&s, 1, &Options { trace: true, ..Options::default() });
    let arrived = |who: &str, from: u64, to: u64| {
        let between = run.trace.iter().filter(|e| (ms(from)..ms(to)).contains(&e.time));
        between.filter(|e| crate::render(&s, e).contains(who)).count()
    };
    assert!(arrived("destination  <- alpha", 20, 25) > 0);
    assert!(arrived("alpha        <- destination", 29, 37) > 0, "its end opens the way back");
    assert_eq!(arrived("destination  <- alpha", 26, 37), 0);
    assert!(arrived("destination  <- alpha", 37, 39) > 0);
}

#[test]
fn a_long_outage_lasts_and_clients_knock_one_by_one() {
    let mut s = spec(100);
    let outage = 5_000_000_000;
    let crash = Fault::Crash { node: Node::Source(0), restart_after: Some(outage) };
    s.faults = vec![FaultSpec { when: When::At(30_000_000), fault: crash, place: String::new() }];
    let run = run(&s, 1, &Options { trace: true, ..Options::default() });
    assert_eq!(run.outcome.verdict, crate::outcome::Verdict::Passed);
    let down = |e: &&Entry| (30_000_001..30_000_000 + outage).contains(&e.time);
    let lines: Vec<String> = run.trace.iter().filter(down).map(|e| crate::render(&s, e)).collect();
    assert!(!lines.iter().any(|l| l.contains("boot_started")), "nothing starts before its time");
    // Four slots; a knock every 2 ms and an attempt every 200 ms.
    let knocks = lines.iter().filter(|l| l.contains("<- c1")).count() as u64;
    assert!(
        (outage / 2_000_000..=4 * (outage / 2_000_000 + outage / 200_000_000) + 8).contains(&knocks),
        "{knocks}"
    );
}

fn stormy(seed: u64) -> Spec {
    let mut s = spec(150);
    let mut beta = s.sources[0].clone();
    beta.name = "beta".into();
    beta.partition_size = 8192;
    s.sources.push(beta);
    let mut c2 = s.clients[0].clone();
    c2.name = "c2".into();
    s.clients.push(c2.clone());
    c2.name = "c3".into();
    c2.source = 1;
    s.clients.push(c2);
    s.destination.nvram_size = 256 * 1024;
    if seed % 2 == 1 {
        s.protocol.transport = Transport::Datagram;
    }
    if seed.is_multiple_of(3) {
        s.protocol.ack = AckLevel::File;
    }
    if seed.is_multiple_of(5) {
        s.protocol.partitions = 3;
        s.protocol.files = 3;
    }
    if seed.is_multiple_of(7) {
        s.protocol.apply_scope = ApplyScope::Global;
    }
    let datagram = s.protocol.transport == Transport::Datagram;
    s.profile = Profile {
        swarm: Some(Chance(1 << 31)),
        span: 150_000_000,
        source_crashes_milli: 2000,
        source_power_cuts_milli: 2000,
        destination_crashes_milli: 2000,
        destination_power_cuts_milli: 2000,
        pauses_milli: 1000,
        cuts_milli: 2000,
        clogs_milli: 1000,
        resets_milli: 2000,
        disk_full_milli: 1000,
        slow_milli: 1000,
        damages_milli: 0,
        seals_milli: 2000,
        disaster: Chance(1 << 31),
        longest: 50_000_000,
        loss: Chance(1 << 29),
        duplicate: if datagram { Chance(1 << 29) } else { Chance(0) },
        reorder: if datagram { Chance(1 << 29) } else { Chance(0) },
        corrupt: Chance(1 << 26),
        ..Profile::default()
    };
    s
}

#[test]
fn storms_pass() {
    let var = |n: &str, d: u64| std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(d);
    let (from, to) = (var("FROM", 0), var("TO", 20));
    let mut bad = 0;
    let (mut events, mut checks) = (0, 0);
    let only = std::env::var("SIG").ok();
    for seed in from..to {
        let spec = stormy(seed);
        let trace = std::env::var_os("SHOW").is_some();
        let r = std::panic::catch_unwind(|| run(&spec, seed, &Options { trace, ..Options::default() }));
        let Ok(r) = r else {
            println!("seed {seed} PANIC");
            bad += 1;
            continue;
        };
        events += r.outcome.events;
        checks += r.outcome.checks.full;
        if r.outcome.verdict != crate::outcome::Verdict::Passed {
            bad += 1;
            let f = &r.outcome.failures[0];
            if only.as_ref().is_none_or(|o| f.oracle == o) {
                println!(
                    "seed {seed} {:?} {} {} @{} {} ({} in all)",
                    r.outcome.verdict,
                    f.oracle,
                    f.invariant,
                    f.event,
                    f.message,
                    r.outcome.failures.len()
                );
            }
            if trace {
                for f in r.outcome.failures.iter().take(5) {
                    println!("   {} {} @{} {}", f.oracle, f.invariant, f.event, f.message);
                }
                let at = f.event as usize;
                let before = var("BEFORE", 60) as usize;
                let after = var("AFTER", 5) as usize;
                for (i, e) in r.trace.iter().enumerate().skip(at.saturating_sub(before)).take(before + after)
                {
                    println!("{i:>6} {}", crate::render(&spec, e));
                }
                for a in &r.outcome.alarms {
                    println!("alarm {} {} {}", a.time, a.server, a.message);
                }
                for f in &r.outcome.faults {
                    println!("{f:?}");
                }
            }
        }
    }
    println!("{bad} bad of {}, {events} events, {checks} checks", to - from);
    assert_eq!(bad, 0);
}
