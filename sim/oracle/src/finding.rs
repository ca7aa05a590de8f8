//! What the oracles have judged and what they found.

/// The oracles; each has a file of that name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Oracle {
    Durability,
    Prefix,
    Apply,
    Numbering,
    Replies,
    Agreement,
    Fencing,
    Divergence,
    Damage,
    Once,
    Held,
    Steps,
    Isolation,
    Reads,
    Nvram,
    Liveness,
    Reader,
    Fairness,
    Seals,
    Session,
    Resync,
}

/// Name of each oracle, in the order of its number.
pub const ORACLES: [&str; 21] = [
    "durability",
    "prefix",
    "apply",
    "numbering",
    "replies",
    "agreement",
    "fencing",
    "divergence",
    "damage",
    "once",
    "held",
    "steps",
    "isolation",
    "reads",
    "nvram",
    "liveness",
    "reader",
    "fairness",
    "seals",
    "session",
    "resync",
];

/// Nouns behind which a message has a name that an author gave.
pub const NAMED: [&str; 3] = ["mirror", "source", "client"];

/// A message with names in place of the numbers behind a noun: `client 3,` is `client c4,`.
pub fn named(message: &str, noun: &str, names: &[String]) -> String {
    let noun = format!("{noun} ");
    let mut parts = message.split(noun.as_str());
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let name = part[..end].parse().ok().and_then(|number: usize| names.get(number));
        out += &noun;
        out += name.map_or(&part[..end], String::as_str);
        out += &part[end..];
    }
    out
}

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// File name of the oracle that found it, one of [`ORACLES`].
    pub oracle: &'static str,
    /// The invariant of the protocol that is broken: `I1`..`I18`, `L1`..`L4`, or `rig` where the judge's reader and the
    /// machine disagree.
    pub invariant: &'static str,
    /// Virtual time.
    pub time: u64,
    /// Event number.
    pub event: u64,
    /// What, with positions and places.
    pub message: String,
}

/// Findings are kept up to this number; further ones are only counted.
const KEPT: usize = 256;

/// The collection.
#[derive(Debug)]
pub(crate) struct Findings {
    pub time: u64,
    pub event: u64,
    off: u32,
    /// Nobody reports for now.
    pub muted: bool,
    judged: [u64; ORACLES.len()],
    found: Vec<Finding>,
    /// Of all oracles, switched off or not, kept or not.
    failed: u64,
    dropped: u64,
    lossy: bool,
    lost: u64,
    /// Who serves the clients where nothing says otherwise; of a mirror whose roles are swapped the destination.
    pub serving: &'static str,
    /// Oracles number the sources and their mirrors, people read names.
    names: Vec<String>,
}

impl Findings {
    pub fn new(lossy: bool, names: Vec<String>) -> Self {
        let judged = [0; ORACLES.len()];
        Findings {
            time: 0,
            event: 0,
            off: 0,
            muted: false,
            judged,
            found: Vec::new(),
            failed: 0,
            dropped: 0,
            lossy,
            lost: 0,
            serving: "the source",
            names,
        }
    }

    /// An empty one of the same kind.
    pub fn another(&self) -> Self {
        let (time, event, off, muted) = (self.time, self.event, self.off, self.muted);
        Findings { time, event, off, muted, ..Findings::new(self.lossy, self.names.clone()) }
    }

    /// What another one has found is this one's.
    pub fn takes(&mut self, other: &Findings) {
        self.judged.iter_mut().zip(other.judged).for_each(|(own, more)| *own += more);
        let room = KEPT.saturating_sub(self.found.len()).min(other.found.len());
        self.found.extend(other.found[..room].iter().cloned());
        self.found.sort_by_key(|f| f.event);
        self.dropped += other.dropped + (other.found.len() - room) as u64;
        self.failed += other.failed;
        self.lost = self.lost.max(other.lost);
    }

    pub fn only(&mut self, name: &str) {
        self.off = !0;
        if let Some(i) = ORACLES.iter().position(|n| *n == name) {
            self.off &= !(1 << i);
        }
    }

    pub fn without(&mut self, name: &str) {
        if let Some(i) = ORACLES.iter().position(|n| *n == name) {
            self.off |= 1 << i;
        }
    }

    /// Something was looked at.
    pub fn judged(&mut self, oracle: Oracle) {
        self.judged[oracle as usize] += 1;
    }

    /// Something was looked at, and `good` or not.
    pub fn expect(
        &mut self,
        oracle: Oracle,
        invariant: &'static str,
        good: bool,
        message: impl FnOnce() -> String,
    ) {
        self.judged(oracle);
        if !good {
            self.fail(oracle, invariant, message);
        }
    }

    /// Something must not be.
    pub fn fail(&mut self, oracle: Oracle, invariant: &'static str, message: impl FnOnce() -> String) {
        self.failed += 1;
        if self.muted || self.off & (1 << oracle as u32) != 0 {
            return;
        }
        if self.found.len() >= KEPT {
            self.dropped += 1;
            return;
        }
        let (time, event) = (self.time, self.event);
        self.found.push(Finding {
            oracle: ORACLES[oracle as usize],
            invariant,
            time,
            event,
            message: self.named(&message()),
        });
    }

    fn named(&self, message: &str) -> String {
        named(&named(message, "mirror", &self.names), "source", &self.names)
    }

    /// An acknowledged operation is gone: counted where that is allowed, else a failure of I1.
    pub fn loss(&mut self, operations: u64, message: impl FnOnce() -> String) {
        if self.lossy {
            self.lost = self.lost.max(operations);
        } else {
            self.fail(Oracle::Durability, "I1", message);
        }
    }

    pub fn lossy(&self) -> bool {
        self.lossy
    }

    pub fn lost(&self) -> u64 {
        self.lost
    }

    pub fn found(&self) -> &[Finding] {
        &self.found
    }

    /// What must not be and was seen, whether or not its oracle reports.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Whether the protocol was found wrong, and not the rig.
    pub fn wronged(&self) -> bool {
        self.found.iter().any(|f| f.invariant != "rig")
    }

    /// Of all findings, kept or not.
    pub fn total(&self) -> u64 {
        self.found.len() as u64 + self.dropped
    }

    pub fn counts(&self) -> [(&'static str, u64); ORACLES.len()] {
        core::array::from_fn(|i| (ORACLES[i], self.judged[i]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_behind_a_noun_become_names() {
        // A name may be a number, too.
        let names = ["beta", "0"].map(str::to_owned);
        let said = |message: &str| named(message, "mirror", &names);
        assert_eq!(said("mirror 0: 1 of mirror 1, no mirror"), "mirror beta: 1 of mirror 0, no mirror");
        assert_eq!(said("mirror 12 and source 0"), "mirror 12 and source 0");
    }
}
