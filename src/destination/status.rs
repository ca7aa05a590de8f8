//! How a destination and its desks stand, in words.

use super::desk::{Desk, Phase};
use super::{Destination, Standing};
use crate::ids::MirrorIndex;
use crate::quirk::Quirk;
use crate::source::{block, connection};
use crate::status::{Status, list};
use crate::superblock::Verdict;
use alloc::format;
use core::fmt;

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, found) = match self {
            Standing::Booting => ("boots", None),
            Standing::Serving => ("serves", None),
            Standing::Recovering => ("recovers", None),
            Standing::Open(verdict, position) => ("open", Some((verdict, position))),
            Standing::Promoted(verdict, position) => ("promoted", Some((verdict, position))),
            Standing::Stopped => ("stopped", None),
            Standing::Lost => ("lost", None),
        };
        match found {
            None => f.write_str(word),
            Some((Verdict::Complete, upto)) => write!(f, "{word}, complete, up to {upto}"),
            Some((Verdict::CompleteUpTo, upto)) => {
                write!(f, "{word}, complete up to {upto}, more is not known")
            }
            Some((Verdict::Damaged { after, to }, _)) => {
                write!(f, "{word}, damaged: records after {after} up to {to} are missing")
            }
        }
    }
}

impl<Q: Quirk> Destination<Q> {
    /// How it stands, in words.
    pub fn status(&self) -> Status {
        let mut status = Status::default();
        status.add("stands", if self.failed { "stopped" } else { "goes on" });
        let (lent, all) = self.shared.pool.lent();
        status.add("segments", format!("{lent} of {all} in use"));
        status.add_some("battery", self.shared.degraded.then_some("low"));
        status
    }

    /// How a mirror of its stands, in words. Of a record `(g, n)` is said up to which all are so.
    pub fn status_of(&self, mirror: MirrorIndex) -> Status {
        let mut status = Status::default();
        if let Some(desk) = self.desks.get(mirror as usize) {
            status.add("stands", self.standing(mirror));
            desk.status(&mut status);
        }
        status
    }
}

impl<Q: Quirk> Desk<Q> {
    fn status(&self, status: &mut Status) {
        let s = &self.superblock;
        status.add("role", format!("{:?}, epoch {}, boot {}", s.role, s.epoch, s.boot).to_lowercase());
        status.add_some("void", s.void.then_some("the image needs every block"));
        if let Phase::Promoted(heir) = &self.phase {
            for (name, value) in heir.status().into_facts() {
                if !matches!(name, "stands" | "role") {
                    status.add(name, value);
                }
            }
            return;
        }
        let session = match (self.connection, self.half_open) {
            (Some(c), _) => format!("up, {}", connection(c)),
            (None, Some(c)) => format!("half open, {}", connection(c)),
            (None, None) => "none".into(),
        };
        status.add("connection", session);
        status.add("received", self.tip.position);
        status.add("in memory", format!("{} records after {}", self.entries.len(), self.base_link.position));
        for (name, upto) in [
            ("in nvram", self.written),
            ("durable", self.logged),
            ("marked", self.marked),
            ("appended", self.appended),
            ("filed", self.filed),
            ("file marked", self.file_marked),
            ("acked nvram", self.acked_nvram),
            ("acked file", self.acked_file),
        ] {
            status.add(name, self.position(upto.min(self.next())));
        }
        status.add("credit", format!("{}B", self.promised.saturating_sub(self.bytes(self.next()))));
        status.add("segments", list(self.segments.iter().map(|s| format!("{} ({}B)", s.number, s.used))));
        let mut files: alloc::vec::Vec<_> = self.files.iter().collect();
        files.sort_by_key(|f| f.generation);
        let file = |f: &&super::file::LogFile| {
            let (all, durable) = (f.checks.len(), f.durable);
            format!("{} ({durable} of {all} records flushed, {}B)", f.generation, f.used)
        };
        status.add("files", list(files.iter().map(file)));
        status.add("asked to apply", list(self.syncs.keys()));
        status.add("applied", format!("generation {}, then {} records", s.applied_gen, s.applied_seq));
        status.add("cleared", format!("up to generation {}", self.cleared));
        status.add_some("applies", self.applying.as_ref().map(|_| "under way"));
        status.add_some("suspects", self.suspect);
        status.add_some("resync", self.resync.as_ref().map(super::resync::Resync::status));
        status.add_some("heals", (!self.heal.quiet()).then(|| list(self.heal.blocks.asked().map(block))));
    }
}
