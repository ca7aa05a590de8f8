//! How a source stands, in words.

use super::log::{Generation, Sealing};
use super::{Session, Source, State};
use crate::config::AckLevel;
use crate::ids::Connection;
use crate::quirk::Quirk;
use crate::status::{Status, list};
use alloc::format;
use alloc::string::String;

/// A connection as its three numbers.
pub(crate) fn connection(c: Connection) -> String {
    format!("{} of boot {}, boot {} there", c.counter, c.source_boot, c.destination_boot)
}

fn generation(g: &Generation) -> String {
    let sealing = match (g.sealing, g.applied) {
        (_, true) => "applied",
        (Sealing::Open, _) => "open",
        (Sealing::Written, _) => "seal written",
        (Sealing::Durable, _) => "sealed",
    };
    format!("{} {sealing} ({} records, {}B)", g.number, g.count, g.used)
}

impl<Q: Quirk> Source<Q> {
    fn stands(&self) -> &'static str {
        match self.state {
            State::Booting(_) => "boots",
            State::Serving if self.stalled => "serves, admission stalls",
            State::Serving => "serves",
            State::Leaving(_) => "leaves: it is not the source any more",
            State::Stopped => "stopped",
        }
    }

    /// How it stands, in words. Of a record `(g, n)` is said up to which all are so.
    pub fn status(&self) -> Status {
        let mut status = Status::default();
        let s = &self.superblock;
        status.add("stands", self.stands());
        status.add("role", format!("{:?}, epoch {}, boot {}", s.role, s.epoch, s.boot).to_lowercase());
        let turning = self.turn.is_some() || self.wish.is_some();
        status.add_some("turning", turning.then_some("its superblock is to say something else"));
        let session = match self.session {
            Session::Down => String::from("down"),
            Session::HelloSent => format!("asked for, {}", connection(self.connection)),
            Session::Up => format!("up, {}", connection(self.connection)),
        };
        status.add("connection", session);
        status.add(
            "pings",
            format!("{} sent, {} answered, {} in doubt", self.ping_sent, self.pong_seen, self.unanswered),
        );
        let log = &self.log;
        status.add("generations", list(log.generations.iter().map(generation)));
        status.add(
            "log",
            format!("after {} up to {}, {}B", log.base_position, log.tip.position, self.log_bytes()),
        );
        for (name, upto) in [
            ("durable", log.durable),
            ("marked", self.marked),
            ("sent", self.sent),
            ("acked received", self.acked_received),
            ("acked nvram", self.acked_nvram),
            ("acked file", self.acked_file),
            ("answerable", self.answerable()),
        ] {
            // With another level nobody acknowledges a receipt.
            if name != "acked received" || self.knobs.ack == AckLevel::Received {
                status.add(name, log.position(upto.min(log.next())));
            }
        }
        status.add("credit", format!("{}B", self.limit.saturating_sub(log.bytes(self.sent.max(log.base)))));
        status.add("owed", list(log.owed.keys()));
        status.add("applied there", self.remote_applied);
        status.add("applied here", format!("generation {}, then {} records", s.applied_gen, s.applied_seq));
        status.add_some("applies", self.apply.is_some().then_some("under way"));
        status.add(
            "clients",
            format!(
                "{} wait for admission, {} for an answer, {} for a read",
                self.queue.len(),
                self.waiters.len(),
                self.reads.len()
            ),
        );
        status.add("map", format!("{} blocks that the destination may lack", self.map.blocks().count()));
        status.add_some("resync", self.resync.as_ref().map(super::resync::Resync::status));
        let exposure = self.exposure();
        status.add("exposed", format!("{} operations, {}B", exposure.operations, exposure.bytes));
        status.add_some("heals", (!self.healing.quiet()).then(|| list(self.healing.asked().map(block))));
        status
    }
}

/// A block by its volume and number.
pub(crate) fn block((volume, block): crate::heal::BlockKey) -> String {
    format!("{block} of volume {volume}")
}
