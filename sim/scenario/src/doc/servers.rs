//! `sources:` and `destination:`, their devices and links.

use crate::document::{At, Doc, Reader, map, words};
use crate::problem::Draft;
use crate::quantity;
use crate::scalar::{Name, Rate, Size, Small, Time};
use crate::shape::{Scalar, Shape};
use crate::tree::{Node, Value};
use mirrorsim_world::spec::{Chance, Delay, Shape as Spread};

map! {
    /// A server that is mirrored, with its volumes, devices and its link to its destination.
    struct Source {
        /// Its name.
        name: Name = optional("alpha, beta, gamma, delta, epsilon, zeta, eta, theta, in this order"),
        /// So many sources of this kind. With a name they are called name1, name2 and so on.
        count: Small = default("1"),
        /// Bytes of one NVRAM partition, 128 of them for its seal.
        partition_size: Size = default("16KiB"),
        /// Its volumes.
        volumes: Vec<At<Volume>> = default("[{}]"),
        /// Its NVRAM.
        nvram: Nvram = default("{}"),
        /// Its disk.
        disk: Disk = default("{}"),
        /// The link between it and its destination, the same in both directions.
        link: Link = default("{}"),
        /// Where it is mirrored to: `destination`, a server of its own; the name of another source, whose server is then both, and is the site of the destination `NAME.destination`; or `next`, the source behind it, and behind the last the first.
        destination: Name = default("destination"),
    }
}

map! {
    /// A volume. Its image at the destination has the same size.
    struct Volume {
        /// Its name.
        name: Name = optional("v1, v2 and so on"),
        /// Its size, a multiple of the block size. Only what is touched costs memory.
        size: Size = default("1MiB"),
    }
}

map! {
    /// The server that sources are mirrored to. Where there are several destinations, all are made like this.
    struct Destination {
        /// Bytes of its NVRAM, shared by all its sources.
        nvram_size: Size = optional("one reserve per source and one to share"),
        /// Bytes of its NVRAM kept for each source, in two segments with 128 bytes of header each.
        reserve: Size = optional("two of the largest partitions"),
        /// Its NVRAM.
        nvram: Nvram = default("{}"),
        /// Its disk with the log files.
        log_disk: Disk = default("{}"),
        /// Its disk with images, journals and superblocks.
        image_disk: Disk = default("{}"),
    }
}

map! {
    /// An NVRAM.
    struct Nvram {
        /// Time of one flush.
        flush: Span = default("1us..5us"),
        /// Bytes that a power cut writes or loses as one: 8 or 64.
        tear: Size = default("64B"),
    }
}

map! {
    /// A disk with a write cache.
    struct Disk {
        /// Time of one read.
        read: Span = default("20us..100us"),
        /// Time of one write into the cache.
        write: Span = default("20us..100us"),
        /// Time of one flush.
        flush: Span = default("200us..1ms"),
        /// Bytes per second that reads and writes move.
        bandwidth: Rate = default("unlimited"),
        /// Bytes that a power cut writes or loses as one: 512 or 4096.
        tear: Size = default("512B"),
        /// A torn sector may hold garbage, not only old or new content.
        garbage: bool = default("false"),
    }
}

map! {
    /// A network link.
    struct Link {
        /// Time of one way.
        latency: Span = default("50us..500us"),
        /// Bytes per second.
        bandwidth: Rate = default("unlimited"),
        /// Chance that a message is lost. Under `stream` the transport repairs it, which costs time.
        loss: Chance = default("0%"),
        /// Chance that a message arrives twice (`datagram` only).
        duplicate: Chance = default("0%"),
        /// Chance that a message is late by up to `reorder_by` (`datagram` only).
        reorder: Chance = default("0%"),
        /// Greatest extra delay of a late or second message.
        reorder_by: Time = default("1ms"),
        /// Chance that a bit of a message flips unseen by the transport's checksum.
        corrupt: Chance = default("0%"),
        /// Chance that a frame is bent: truncated, merged with the next, oversized, after noise, or after a copy of another mirror.
        malformed: Chance = default("0%"),
        /// Chance that with a message a bad period begins, in which all messages are lost.
        burst: Chance = default("0%"),
        /// Mean length of a bad period, in messages; it ends after four times as many at the latest.
        burst_length: Small = default("8"),
        /// Greatest number of messages on their way at a time: beyond it a stream's sender waits, and a datagram is dropped.
        in_flight: Small = optional("any number"),
        /// Greatest piece that passes at a time: a frame is split into such pieces, and put together at the other end.
        mtu: Size = optional("frames pass whole"),
    }
}

/// A delay: `2ms`, `1ms..5ms`, or a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span(pub Delay);

map! {
    /// A delay that is not constant.
    struct SpanMap {
        /// The least.
        min: Time = required,
        /// The mean, for `exponential`.
        mean: Time = optional("halfway between `min` and `max`"),
        /// The greatest. Longer draws are cut to it.
        max: Time = required,
        /// How values are spread.
        shape: Spread = default("uniform"),
    }
}

words!(Spread {
    /// every value equally likely
    "uniform" => Spread::Uniform,
    /// mostly near `min`, with a tail up to `max`
    "exponential" => Spread::Exponential,
    /// always `min`
    "constant" => Spread::Constant,
});

impl Doc for Span {
    fn shape() -> Shape {
        let pattern = r"^\d+(\.\d+)? ?(ns|us|ms|s|m|h)( ?\.\. ?\d+(\.\d+)? ?(ns|us|ms|s|m|h))?$";
        let units = "ns, us, ms, s, m, h";
        let text = Scalar {
            name: "a duration or a range of two",
            units,
            example: "50us..500us",
            pattern,
            types: &["string"],
        };
        Shape::Either(vec![Shape::Scalar(text), SpanMap::shape()])
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        match &node.value {
            Value::Map(_) => read_map(r, node),
            Value::List(_) => {
                r.wrong_type(node, &Self::shape());
                None
            }
            Value::Scalar(text, _) => match range(text) {
                Ok(delay) => Some(Span(delay)),
                Err(reason) => {
                    let Shape::Either(shapes) = Self::shape() else {
                        return None;
                    };
                    let draft = r.wrong(node, "number", "not a duration", shapes[0].want());
                    r.desk.report(draft.help(reason));
                    None
                }
            },
        }
    }
}

/// `2ms` or `1ms..5ms`.
fn range(text: &str) -> Result<Delay, String> {
    let Some((min, max)) = text.split_once("..") else {
        let min = quantity::duration(text)?;
        return Ok(Delay { min, mean: min, max: min, shape: Spread::Constant });
    };
    let (min, max) =
        (quantity::duration(min.trim())?, quantity::duration(max.trim().trim_start_matches('='))?);
    if min > max {
        let (min, max) = (quantity::show_duration(min), quantity::show_duration(max));
        return Err(format!("{min} is more than {max}; did you mean {max}..{min}?"));
    }
    Ok(Delay {
        min,
        mean: min.midpoint(max),
        max,
        shape: if min == max { Spread::Constant } else { Spread::Uniform },
    })
}

fn read_map(r: &mut Reader<'_>, node: &Node) -> Option<Span> {
    let map = SpanMap::read(r, node)?;
    let (min, max) = (map.min.0, map.max.0);
    let mean = map.mean.as_ref().map_or(min.midpoint(max), |m| m.0);
    let low = map.mean.as_ref().filter(|m| m.0 < min).map(|m| (m, &map.min, "below `min`"));
    let high = map.mean.as_ref().filter(|m| m.0 > max).map(|m| (m, &map.max, "above `max`"));
    let ends = (min > max).then_some((&map.min, &map.max, "above `max`"));
    let mut good = true;
    for (wrong, other, how) in [ends, low, high].into_iter().flatten() {
        good = false;
        let shown = quantity::show_duration(wrong.0);
        let draft = Draft::at(wrong.place, &wrong.path, "range", format!("{shown} is {how}"));
        r.desk.report(draft.also(other.place, "the other end").help("min <= mean <= max"));
    }
    let shape = if min == max { Spread::Constant } else { *map.shape };
    good.then_some(Span(Delay { min, mean, max, shape }))
}
