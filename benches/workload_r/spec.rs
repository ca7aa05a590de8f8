//! The specs, built by hand.

use mirror::config::*;
use mirrorsim_world::spec::*;

/// Which faults there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Faults {
    /// None.
    None,
    /// What the default swarm profile draws.
    Swarm,
}

/// Bytes of a record with 512 bytes of payload.
const RECORD: u64 = 640;
/// Bytes of a partition's seal.
const SEAL: u64 = 128;

/// Workload R with so many operations in all.
pub fn workload(mode: CheckMode, faults: Faults, operations: u64) -> Spec {
    spec(mode, faults, operations, 64)
}

/// A quiet run in which one source has up to `live` records above the image's cursor, and one in `one_in` durable changes
/// is checked; 0: none.
pub fn full_checks(live: u64, one_in: u64, operations: u64) -> Spec {
    let mode = match one_in {
        0 => CheckMode::End,
        1 => CheckMode::Every,
        _ => CheckMode::Sampled,
    };
    let mut spec = spec(mode, Faults::None, operations, live / 2);
    spec.check.one_in = one_in.max(1);
    spec
}

/// A seed of a smoke campaign.
pub fn smoke() -> Spec {
    spec(CheckMode::Every, Faults::Swarm, 500, 12)
}

fn spec(mode: CheckMode, faults: Faults, operations: u64, records: u64) -> Spec {
    let partition_size = records * RECORD + SEAL;
    let source = |name: &str| SourceSpec {
        name: name.into(),
        partition_size,
        volumes: vec![VolumeSpec { name: "v".into(), size: 16 << 20 }],
        nvram: nvram(),
        disk: disk(),
        link: link(),
        destination: 0,
    };
    let clients = (0..8).map(|i| client(i, operations / 8)).collect();
    Spec {
        name: "workload_r".into(),
        protocol: protocol(),
        sources: vec![source("alpha"), source("beta")],
        destination: DestinationSpec {
            nvram_size: 8 * partition_size.next_multiple_of(4096),
            reserve: 2 * partition_size.next_multiple_of(4096),
            nvram: nvram(),
            log_disk: disk(),
            image_disk: disk(),
        },
        destinations: vec![Placement::alone()],
        clients,
        faults: vec![],
        profile: if faults == Faults::Swarm { swarm() } else { Profile::default() },
        check: CheckSpec { mode, exhaustive: 3, drawn: 1, nested_every: 16, full_every: 1000, one_in: 16 },
        budget: Budget {
            events: 50_000_000,
            idle: 60_000_000_000,
            converge: 10_000_000_000,
            memory: 8 << 30,
        },
        beyond_model: false,
        allow_vacuous: true,
    }
}

fn us(min: u64, max: u64) -> Delay {
    Delay { min: min * 1000, mean: 0, max: max * 1000, shape: Shape::Uniform }
}

fn nvram() -> NvramSpec {
    NvramSpec { flush: us(1, 5), tear: 64 }
}

fn disk() -> DiskSpec {
    DiskSpec {
        read: us(20, 100),
        write: us(20, 100),
        flush: us(200, 1000),
        bandwidth: 0,
        tear: 512,
        garbage: false,
    }
}

fn link() -> LinkSpec {
    let never = Chance(0);
    LinkSpec {
        latency: us(50, 500),
        bandwidth: 0,
        loss: never,
        duplicate: never,
        reorder: never,
        reorder_by: 0,
        corrupt: never,
        malformed: never,
        burst: never,
        burst_length: 1,
        in_flight: 0,
        mtu: 0,
    }
}

fn protocol() -> Protocol {
    Protocol {
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
    }
}

fn client(number: usize, operations: u64) -> ClientSpec {
    ClientSpec {
        name: format!("c{number}"),
        source: number % 2,
        slots: 8,
        timeout: 200_000_000,
        delay: us(5, 20),
        learns: us(0, 0),
        workload: Workload::Generated(Generated {
            operations,
            mix: Mix { write: 80, write_zeroes: 0, add: 20, read: 0 },
            sizes: vec![SizeClass { min: 512, max: 512, step: 512, weight: 1 }],
            addresses: Addresses::Uniform,
            volumes: vec![0],
            range: (0, 16 << 20),
            align: 512,
            zero_payload: Chance(0),
            pacing: Pacing::Closed { think: Delay { min: 0, mean: 0, max: 0, shape: Shape::Constant } },
        }),
    }
}

/// What `profile: swarm` means in a scenario on a stream.
fn swarm() -> Profile {
    let milli = |n: u64| Chance((n << 32) / 1000);
    Profile {
        swarm: Some(milli(500)),
        span: 50_000_000,
        source_crashes_milli: 1000,
        source_power_cuts_milli: 1000,
        destination_crashes_milli: 1000,
        destination_power_cuts_milli: 1000,
        pauses_milli: 500,
        cuts_milli: 1000,
        clogs_milli: 500,
        resets_milli: 1000,
        disk_full_milli: 300,
        slow_milli: 300,
        damages_milli: 300,
        seals_milli: 500,
        disaster: milli(300),
        longest: 10_000_000,
        loss: milli(50),
        duplicate: Chance(0),
        reorder: Chance(0),
        corrupt: milli(1),
        ..Profile::default()
    }
}
