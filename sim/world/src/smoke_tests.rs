//! Runs built by hand.
use crate::spec::*;
use crate::{Options, run};
use mirror::config::*;

pub(crate) fn spec(operations: u64) -> Spec {
    let us = |min: u64, max: u64| Delay { min: min * 1000, mean: 0, max: max * 1000, shape: Shape::Uniform };
    let nvram = NvramSpec { flush: us(1, 5), tear: 64 };
    let disk = DiskSpec { read: us(20, 100), write: us(20, 100), flush: us(200, 1000), bandwidth: 0, tear: 512, garbage: false };
    Spec {
        name: "by_hand".into(),
        protocol: Protocol {
            ack: AckLevel::Nvram,
            apply_scope: ApplyScope::PerSource,
            reads: Reads::Confirmed,
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
            },
        }],
        destination: DestinationSpec {
            nvram_size: 128 * 1024,
            reserve: 32768,
            nvram,
            log_disk: disk.clone(),
            image_disk: disk,
        },
        clients: vec![ClientSpec {
            name: "c1".into(),
            source: 0,
            slots: 4,
            timeout: 200_000_000,
            delay: us(5, 20),
            workload: Workload::Generated(Generated {
                operations,
                mix: Mix { write: 70, write_zeroes: 5, add: 20, read: 5 },
                sizes: vec![SizeClass { min: 512, max: 512, step: 512, weight: 3 }, SizeClass { min: 1, max: 2000, step: 1, weight: 1 }],
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
        check: CheckSpec { mode: CheckMode::Every, exhaustive: 3, drawn: 1, nested_every: 16, full_every: 100, one_in: 10 },
        budget: Budget { events: 50_000_000, idle: 60_000_000_000, memory: 8 << 30 },
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
    println!("{:#?}", run.outcome);
    assert_eq!(run.outcome.verdict, crate::outcome::Verdict::Passed);
}
