//! The claims as data: what a trace must show, which steps say that it was shown, and which planted bugs turn it red.
//! docs/claims.md is compared with this, word for word.

/// A claim of the patent.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Its number.
    pub number: u32,
    /// What the trace must show; empty if it is cancelled.
    pub shows: &'static str,
    /// Each must have happened, else nothing was shown.
    pub steps: &'static [Step],
    /// Planted bugs, each of which an oracle of this claim must see.
    pub planted: &'static [&'static str],
}

impl Claim {
    /// Whether it still stands.
    pub fn live(&self) -> bool {
        !self.shows.is_empty()
    }

    /// The tag of the scenarios that show it.
    pub fn tag(&self) -> String {
        format!("claim-{}", self.number)
    }
}

/// Something that a run counts.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What is counted, in few words.
    pub name: &'static str,
    /// Where.
    pub of: Of,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// A stage that a source reaches.
    AtSource(&'static str),
    /// A stage that the destination reaches.
    AtDestination(&'static str),
    /// A mark.
    Mark(&'static str),
    /// A metric.
    Metric(&'static str),
    /// Judgements of an oracle.
    Judged(&'static str),
    /// Faults of these kinds that took effect; what a power cut did to single writes counts, too.
    Faults(&'static [&'static str]),
    /// Faults that took effect at this role.
    FaultsAt(&'static str),
}

const fn step(name: &'static str, of: Of) -> Step {
    Step { name, of }
}

const fn claim(
    number: u32,
    shows: &'static str,
    steps: &'static [Step],
    planted: &'static [&'static str],
) -> Claim {
    Claim { number, shows, steps, planted }
}

const fn cancelled(number: u32) -> Claim {
    claim(number, "", &[], &[])
}

const FILE: &[Step] = &[
    step("records filed", Of::AtDestination("file_appended")),
    step("files cleared", Of::AtDestination("file_cleared")),
    step("partitions filled anew", Of::Mark("partition_reused")),
];
const FILE_SHOWS: &str =
    "a record of g is only in the file of g, which takes slot g mod k only when it is empty";

const ORDER: &[Step] = &[
    step("records filed", Of::AtDestination("file_appended")),
    step("repeated", Of::Mark("duplicate_record")),
    step("out of order", Of::Mark("gap")),
];
const ORDER_SHOWS: &str = "files dense and chained; no number names two contents";
const ORDER_BUGS: &[&str] = &["P04", "P13", "P23"];

/// Every claim, in the order of its number.
pub const CLAIMS: &[Claim] = &[
    claim(
        1,
        "at every durable change, what recovery gives is the fold of a prefix that has all that was answered",
        &[
            step("generations applied to the volume", Of::AtSource("applied")),
            step("to the image", Of::AtDestination("image_applied")),
            step("recoveries judged", Of::Metric("checks")),
        ],
        &["P01", "P10", "P27", "P28", "P29", "P30"],
    ),
    cancelled(2),
    claim(
        3,
        "each sealed generation is applied exactly once, however often it is asked for",
        &[
            step("SyncRequests", Of::AtSource("sync_requested")),
            step("repeated", Of::Mark("sync_request_repeated")),
            step("SyncDones", Of::AtDestination("sync_done")),
        ],
        &["P07", "P08", "P09", "P22"],
    ),
    claim(
        4,
        "at level `file`, durable in the source's NVRAM and in the destination's file (and its mark) before each reply",
        &[
            step("acknowledged from the file", Of::AtDestination("file_acked")),
            step("replies", Of::AtSource("replied")),
        ],
        &["P02"],
    ),
    cancelled(5),
    claim(6, FILE_SHOWS, FILE, &[]),
    claim(
        7,
        "same verdict, same answers, same volume and image as without faults",
        &[
            step("faults of the network", Of::FaultsAt("link")),
            step("connections", Of::Metric("connections")),
        ],
        &["P06", "P31", "P32", "P33"],
    ),
    claim(8, ORDER_SHOWS, ORDER, ORDER_BUGS),
    cancelled(9),
    claim(
        10,
        "what the destination promises holds against any source",
        &[
            step("faults of the source", Of::FaultsAt("source")),
            step("records repeated", Of::Mark("duplicate_record")),
            step("out of order", Of::Mark("gap")),
        ],
        &["P04", "P23", "O20"],
    ),
    cancelled(11),
    claim(
        12,
        "under `stream` no Nak, and no gap",
        &[step("resets", Of::Faults(&["reset"])), step("connections", Of::Metric("connections"))],
        &[],
    ),
    cancelled(13),
    claim(
        14,
        "level `nvram` survives crashes and power cuts; a lost NVRAM is told",
        &[
            step("acknowledged from NVRAM", Of::AtDestination("nvram_acked")),
            step("crashes and power cuts", Of::Faults(&["crash", "power_cut"])),
            step("NVRAM lost or failing", Of::Faults(&["nvram_lost", "nvram_degraded"])),
        ],
        &["P10", "P14", "P15"],
    ),
    claim(
        15,
        "no cursor and no block of an image moves without a signal, a valid journal or a recovery",
        &[
            step("signals", Of::AtDestination("sync_received")),
            step("generations applied to the image", Of::AtDestination("image_applied")),
        ],
        &["O16"],
    ),
    cancelled(16),
    claim(
        17,
        "removed from NVRAM after the flush of the file and of its mark; a healthy source is not kept waiting by a sick one",
        &[
            step("records marked in the file", Of::AtDestination("file_marked")),
            step("removed from NVRAM", Of::AtDestination("nvram_removed")),
            step("faults at the destination", Of::FaultsAt("destination")),
            step("at a source", Of::FaultsAt("source")),
        ],
        &["P11", "P12", "P37", "P38"],
    ),
    cancelled(18),
    claim(
        19,
        "clients of a source that is lost go on at another source: all that was answered is there, and the former one answers nobody",
        &[step("promotions", Of::AtDestination("promoted")), step("adoptions", Of::Metric("adoptions"))],
        &["F21", "L15"],
    ),
    claim(
        20,
        "clients read and write the image: all that was answered is there, each request happens once, reads are linearizable; \
         nothing of the former epoch counts",
        &[
            step("promotions", Of::AtDestination("promoted")),
            step("answers by the heir", Of::AtDestination("replied")),
        ],
        &["P34", "P35", "F01", "O10", "O03"],
    ),
    claim(
        21,
        "no bytes, acknowledgements or records of one mirror in what is another's",
        &[
            step("generations applied to images", Of::AtDestination("image_applied")),
            step("prefixes at another's signal", Of::Mark("prefix_applied")),
            step("judged apart", Of::Judged("isolation")),
        ],
        &["P19", "P38"],
    ),
    claim(
        22,
        "sealed iff full or forced, and asked for iff sealed (repeats allowed)",
        &[
            step("seals", Of::AtSource("sealed")),
            step("forced", Of::Faults(&["seal"])),
            step("SyncRequests", Of::AtSource("sync_requested")),
        ],
        &["O02"],
    ),
    claim(
        23,
        "with k = P a partition and its file are one to one: as claim 6, and a record of g stands in partition g mod P",
        &[
            step("records filed", Of::AtDestination("file_appended")),
            step("files cleared", Of::AtDestination("file_cleared")),
            step("partitions freed", Of::AtSource("freed")),
        ],
        &[],
    ),
    claim(
        24,
        "volume, image and model are equal whenever a seal was forced and nothing is under way",
        &[step("compared at rest", Of::Metric("rests"))],
        &["P03", "P25"],
    ),
    claim(25, FILE_SHOWS, FILE, &[]),
    claim(
        26,
        "a disk's fault is masked, or told with the right range; never shown",
        &[
            step("torn or lost at a power cut", Of::Faults(&["lost_at_power_cut", "torn_at_power_cut"])),
            step("no space", Of::Faults(&["disk_full"])),
            step("damage", Of::Faults(&["damage"])),
        ],
        &["P16", "P17", "P18", "P19", "P21", "P24"],
    ),
    claim(27, ORDER_SHOWS, ORDER, ORDER_BUGS),
];
