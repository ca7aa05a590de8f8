//! `clients:` with generated, traced or scripted operations.

use super::servers::Span;
use crate::document::{At, Doc, Reader, map, word, words};
use crate::quantity;
use crate::scalar::{Host, Int, Milli, Name, Size, Small, Time, TraceFile, Words};
use crate::shape::{Scalar, Shape};
use crate::tree::{Node, Value};
use mirrorsim_world::spec::Chance;

map! {
    /// A client of one source. Without `trace` and `script` its operations are drawn from the seed.
    struct Client {
        /// Its name.
        name: Name = optional("c1, c2 and so on"),
        /// The source that it is connected to.
        source: Name = optional("the only source; with several sources one must be named"),
        /// So many clients of this kind. With a name they are called name1, name2 and so on.
        count: Small = default("1"),
        /// Requests that it has open at a time, 1 to 1024.
        slots: Small = default("4"),
        /// Time after which an unanswered request is sent again.
        timeout: Time = default("200ms"),
        /// One-way delay between client and source.
        delay: Span = default("5us..20us"),
        /// How long after another server has taken its source's place it learns of that. Until then, and whenever it waits for an
        /// answer in vain, it asks the other server, too, as who has two addresses does.
        learns: Span = default("0ns"),
        /// How many operations it does in all.
        operations: Int = default("200"),
        /// Relative weights of the kinds of operations. A kind that is not named has weight 0.
        mix: Mix = default("{write: 70, write_zeroes: 5, add: 15, read: 10}"),
        /// Lengths of writes and reads: `512B`, `1B..4KiB`, or a list of classes with weights.
        sizes: Sizes = optional("1B..2KiB, or less where the largest operation is smaller"),
        /// Where operations go.
        addresses: Addresses = default("uniform"),
        /// Volumes that it uses.
        volumes: Vec<At<Name>> = optional("all volumes of its source"),
        /// The part of each volume that it uses.
        range: Range = optional("the whole volume"),
        /// Offsets are multiples of this.
        align: Size = default("1B"),
        /// Chance that a write's payload is all zeros.
        zero_payload: Chance = default("5%"),
        /// Closed loop: a slot issues its next operation this long after its answer.
        think: Span = default("0ns..100us"),
        /// Open loop instead: operations arrive at such intervals, whatever the answers do.
        interval: Span = optional("closed loop"),
        /// Replays a recorded trace instead of drawing operations.
        trace: Trace = optional("operations are drawn"),
        /// Does these operations instead of drawing them.
        script: Vec<At<Step>> = optional("operations are drawn"),
    }
}

map! {
    /// Relative weights of the kinds of operations.
    struct Mix {
        /// Writes.
        write: Small = default("0"),
        /// write_zeroes, also known as discard.
        write_zeroes: Small = default("0"),
        /// Fetch-and-add on 8 aligned bytes.
        add: Small = default("0"),
        /// Reads.
        read: Small = default("0"),
    }
}

map! {
    /// A part of a volume.
    struct Range {
        /// First byte.
        offset: Size = default("0B"),
        /// Bytes.
        length: Size = required,
    }
}

/// Length classes.
#[derive(Clone, Debug)]
pub(crate) struct Sizes(pub Vec<Class>);

/// One class of lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    /// Least.
    pub min: u64,
    /// Greatest.
    pub max: u64,
    /// Multiples of this.
    pub step: u64,
    /// Relative weight.
    pub weight: u32,
}

/// `512B` or `1B..4KiB`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths(pub u64, pub u64);

map! {
    /// A class of lengths.
    struct ClassMap {
        /// A length or a range of lengths.
        size: Lengths = required,
        /// Lengths are multiples of this.
        step: Size = default("1B"),
        /// Relative weight.
        weight: Small = default("1"),
    }
}

impl Doc for Lengths {
    fn shape() -> Shape {
        let pattern = r"^\d+(\.\d+)? ?[kKMGTi]*B?( ?\.\. ?\d+(\.\d+)? ?[kKMGTi]*B?)?$";
        let (units, example) = ("B, KiB, MiB, ...", "1B..4KiB");
        Shape::Scalar(Scalar {
            name: "a size or a range of two",
            units,
            example,
            pattern,
            types: &["string", "integer"],
        })
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let Some(text) = node.text() else {
            r.wrong_type(node, &Self::shape());
            return None;
        };
        match lengths(text) {
            Ok(lengths) => Some(lengths),
            Err(reason) => {
                let draft = r.wrong(node, "number", "not a size", Self::shape().want());
                r.desk.report(draft.help(reason));
                None
            }
        }
    }
}

fn lengths(text: &str) -> Result<Lengths, String> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let (min, max) = (quantity::size(min.trim())?, quantity::size(max.trim().trim_start_matches('='))?);
    match (min, max) {
        (0, _) => Err("an operation has at least one byte".into()),
        _ if min > max => Err("the least is more than the greatest".into()),
        _ => Ok(Lengths(min, max)),
    }
}

impl Doc for Sizes {
    fn shape() -> Shape {
        Shape::Either(vec![Lengths::shape(), Vec::<At<ClassMap>>::shape()])
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        if !matches!(node.value, Value::List(_)) {
            let Lengths(min, max) = Lengths::read(r, node)?;
            return Some(Sizes(vec![Class { min, max, step: 1, weight: 1 }]));
        }
        let mut classes = Vec::new();
        for c in Vec::<At<ClassMap>>::read(r, node)? {
            let Lengths(min, max) = *c.size;
            let step = c.step.0;
            if step == 0 || min / step.max(1) == max / step.max(1) && min % step.max(1) != 0 {
                let draft = crate::problem::Draft::at(
                    c.step.place,
                    &c.step.path,
                    "range",
                    "no length is a multiple of this",
                );
                r.desk.report(draft.also(c.size.place, "among these lengths"));
                r.dropped = true;
                continue;
            }
            classes.push(Class { min, max, step, weight: c.weight.0 });
        }
        if classes.iter().all(|c| c.weight == 0) {
            let draft = r.wrong(
                node,
                "empty",
                "no length has any weight",
                "at least one class, such as - {size: 512B}".into(),
            );
            if !r.dropped {
                r.desk.report(draft);
            }
            return None;
        }
        Some(Sizes(classes))
    }
}

/// Where operations go.
#[derive(Clone, Debug)]
pub(crate) enum Addresses {
    /// `uniform`.
    Uniform,
    /// `sequential`.
    Sequential,
    /// `{zipf: ...}`.
    Zipf(At<Zipf>),
    /// `{hot_cold: ...}`.
    HotCold(At<HotCold>),
}

map! {
    /// Zipf: a few places take most operations.
    struct Zipf {
        /// Number of equal pieces of the range, 1 to 65536.
        items: Small = default("1024"),
        /// How uneven: 0 is even, 0.99 is usual.
        exponent: Milli = default("0.99"),
    }
}

map! {
    /// A hot part takes a share of the operations.
    struct HotCold {
        /// Share of the range that is hot.
        hot: Chance = default("10%"),
        /// Share of operations that go there.
        to_hot: Chance = default("90%"),
    }
}

map! {
    /// An uneven distribution.
    struct AddressMap one_of [zipf, hot_cold] {
        /// A few places take most operations.
        zipf: Zipf = optional("another distribution"),
        /// A hot part takes a share of the operations.
        hot_cold: HotCold = optional("another distribution"),
    }
}

#[derive(Clone, Copy)]
enum Even {
    Uniform,
    Sequential,
}

words!(Even {
    /// every place equally likely
    "uniform" => Even::Uniform,
    /// one after the other, wrapping around
    "sequential" => Even::Sequential,
});

impl Doc for Addresses {
    fn shape() -> Shape {
        Shape::Either(vec![Even::shape(), AddressMap::shape()])
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            return Some(match word(r, node, &Self::shape())? {
                Even::Uniform => Addresses::Uniform,
                Even::Sequential => Addresses::Sequential,
            });
        }
        let map = AddressMap::read(r, node)?;
        map.zipf.map(Addresses::Zipf).or(map.hot_cold.map(Addresses::HotCold))
    }
}

map! {
    /// A recorded trace.
    struct Trace {
        /// Its file: beside the scenario, in the data folder, or in the working directory.
        file: TraceFile = required,
        /// How the file is written.
        format: Format = optional("guessed from the first bytes of the file"),
        /// So many requests at the start are left out.
        skip: Int = default("0"),
        /// At most so many requests are kept.
        limit: Int = optional("all"),
        /// Recorded times are divided by this. `0` stands for as fast as slots allow.
        speed: Milli = default("0"),
        /// The volume that it goes to.
        volume: Name = optional("the first volume of the source"),
        /// Added to every offset.
        shift: Size = default("0B"),
        /// What to do with a request outside the volume.
        outside: Outside = default("refuse"),
        /// What to do with a request that has no meaning here, such as an unknown opcode.
        unsupported: Unsupported = default("refuse"),
        /// Keep only requests of this host (MSR).
        host: Host = optional("all hosts"),
        /// Keep only requests of this disk (MSR).
        disk: Small = optional("all disks"),
    }
}

/// How a trace file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// CloudPhysics block traces.
    CloudPhysics,
    /// MSR Cambridge block traces, CSV.
    Msr,
    /// fio I/O logs.
    Fio,
    /// dm-log-writes logs, with payloads.
    DmLog,
}

words!(Format {
    /// CloudPhysics block traces
    "cloudphysics" => Format::CloudPhysics,
    /// MSR Cambridge block traces, CSV
    "msr" => Format::Msr,
    /// I/O logs of fio
    "fio" => Format::Fio,
    /// dm-log-writes logs, with payloads
    "dmlog" => Format::DmLog,
});

/// What to do with a request outside the volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outside {
    /// Refuse the trace.
    Refuse,
    /// Take its offset modulo the size of the volume.
    Wrap,
    /// Leave it out.
    Skip,
}

words!(Outside {
    /// it is a mistake
    "refuse" => Outside::Refuse,
    /// its offset is taken modulo the size of the volume
    "wrap" => Outside::Wrap,
    /// it is left out
    "skip" => Outside::Skip,
});

/// What to do with a request that has no meaning here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unsupported {
    /// Refuse the trace.
    Refuse,
    /// Leave it out.
    Skip,
}

words!(Unsupported {
    /// it is a mistake
    "refuse" => Unsupported::Refuse,
    /// it is left out
    "skip" => Unsupported::Skip,
});

map! {
    /// One operation of a script.
    struct Step one_of [write, write_zeroes, add, read, flush] {
        /// Earliest time of issue, from the start of the run.
        at: Time = default("0ns"),
        /// The volume.
        volume: Name = optional("the first volume of the source"),
        /// `error`: it must be refused with a definite error; `ok`: it must not.
        expect: Expect = default("ok"),
        /// Writes stamped bytes, or a text.
        write: Write = optional("another operation"),
        /// Makes bytes read as zeros.
        write_zeroes: Bytes = optional("another operation"),
        /// Adds to 8 bytes, as a little-endian number.
        add: Add = optional("another operation"),
        /// Reads.
        read: Bytes = optional("another operation"),
        /// Waits until everything before is answered.
        flush: Flush = optional("another operation"),
    }
}

/// Whether an operation is to be refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expect {
    /// It is done.
    Ok,
    /// It is refused.
    Error,
}

words!(Expect {
    /// it is done
    "ok" => Expect::Ok,
    /// it is refused with a definite error
    "error" => Expect::Error,
});

map! {
    /// A write.
    struct Write {
        /// First byte.
        offset: Size = required,
        /// Bytes.
        length: Size = optional("the length of `text`; without a text it must be named"),
        /// What is written.
        text: Words = optional("bytes stamped with source, client, operation and block"),
        /// Zeros are written, a payload like any other.
        zeros: bool = default("false"),
        /// Nothing later is issued until this is answered.
        wait: bool = default("false"),
    }
}

map! {
    /// Some bytes of a volume.
    struct Bytes {
        /// First byte.
        offset: Size = required,
        /// Bytes.
        length: Size = required,
    }
}

map! {
    /// A fetch-and-add.
    struct Add {
        /// First byte, a multiple of 8.
        offset: Size = required,
        /// What is added, wrapping around.
        delta: Int = default("1"),
    }
}

map! {
    /// Waits until everything before is answered: `flush: {}`.
    struct Flush {}
}
