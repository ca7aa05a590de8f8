//! What clients asked and what they were told: for each (client, slot) the recent requests.

use crate::setup::{Answer, Op, Request};
use std::collections::{BTreeMap, VecDeque};

/// A request as a finding names it: a number alone says little, for each slot of each client counts its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub client: u32,
    pub slot: u32,
    pub number: u64,
}

impl core::fmt::Display for Who {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "request {} of client {}, slot {},", self.number, self.client, self.slot)
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub number: u64,
    pub client: u32,
    pub slot: u32,
    pub volume: u32,
    pub op: Op,
    pub time: u64,
    pub attempts: u32,
    /// Its client has given it up (retry: new_request).
    pub abandoned: bool,
    pub replies: u32,
    pub answer: Option<Answer>,
    /// Index of its (last) record.
    pub index: Option<u64>,
    /// How often it was numbered.
    pub numbered: u32,
    /// Greatest index that was answered when it was issued.
    pub floor: u64,
    /// It was answered by a source that is none any more, and is not in what its heir goes on with.
    pub lost: bool,
}

impl Asked {
    /// Its name.
    pub fn who(&self) -> Who {
        Who { client: self.client, slot: self.slot, number: self.number }
    }
}

/// All clients of one source.
#[derive(Debug)]
pub(crate) struct History {
    slots: u32,
    asked: Vec<VecDeque<Asked>>,
    keep: usize,
    /// Floors of open reads, counted.
    floors: BTreeMap<u64, u32>,
    pub open: u64,
    /// Greatest index that was answered as done.
    pub answered: u64,
}

impl History {
    pub fn new(clients: u32, slots: u32, keep: usize) -> Self {
        let asked = vec![VecDeque::new(); clients as usize * slots as usize];
        History { slots, asked, keep, floors: BTreeMap::new(), open: 0, answered: 0 }
    }

    fn slot(&self, client: u32, slot: u32) -> Option<usize> {
        (slot < self.slots).then_some(client as usize * self.slots as usize + slot as usize)
    }

    pub fn issued(&mut self, request: Request, time: u64) {
        let Some(queue) = self.slot(request.client, request.slot).and_then(|i| self.asked.get_mut(i)) else {
            return;
        };
        let floor = self.answered;
        if matches!(request.op, Op::Read { .. }) {
            *self.floors.entry(floor).or_default() += 1;
        }
        self.open += 1;
        while queue.len() >= self.keep {
            if let Some(old) = queue.pop_front()
                && old.answer.is_none()
            {
                self.open -= u64::from(!old.abandoned);
                lower(&mut self.floors, &old);
            }
        }
        queue.push_back(Asked {
            number: request.request,
            client: request.client,
            slot: request.slot,
            volume: request.volume,
            op: request.op,
            time,
            attempts: 1,
            replies: 0,
            answer: None,
            index: None,
            numbered: 0,
            floor,
            lost: false,
            abandoned: false,
        });
    }

    /// The client asks anew under another number: this one may or may not have happened, and needs no answer.
    pub fn abandoned(&mut self, client: u32, slot: u32, number: u64) {
        if let Some(asked) = self.find(client, slot, number).filter(|a| a.answer.is_none() && !a.abandoned) {
            asked.abandoned = true;
            self.open -= 1;
        }
    }

    pub fn find(&mut self, client: u32, slot: u32, number: u64) -> Option<&mut Asked> {
        let at = self.slot(client, slot)?;
        self.asked.get_mut(at)?.iter_mut().rev().find(|a| a.number == number)
    }

    /// Whether a request is too long ago to be known: its slot has asked much since. A read that was sent again and was
    /// long under way may still be answered then; nobody listens.
    pub fn forgotten(&self, client: u32, slot: u32, number: u64) -> bool {
        let queue = self.slot(client, slot).and_then(|at| self.asked.get(at));
        queue.is_some_and(|q| q.len() == self.keep && q.front().is_some_and(|oldest| number < oldest.number))
    }

    /// Notes an answer; the first one closes the request. Payloads are let go.
    pub fn answered(&mut self, client: u32, slot: u32, number: u64, answer: &Answer) {
        let Some(queue) = self.slot(client, slot).and_then(|i| self.asked.get_mut(i)) else {
            return;
        };
        let Some(asked) = queue.iter_mut().rev().find(|a| a.number == number) else {
            return;
        };
        asked.replies += 1;
        if asked.answer.is_some() {
            return;
        }
        self.open -= u64::from(!asked.abandoned);
        lower(&mut self.floors, asked);
        // A read's data is judged at once and not kept.
        let is_read = matches!(answer, Answer::Read { .. });
        asked.answer =
            Some(if is_read { Answer::Read { data: bytes::Bytes::new() } } else { answer.clone() });
        if let Some(index) = asked.index.filter(|_| !is_read && *answer != Answer::Refused) {
            self.answered = self.answered.max(index);
        }
    }

    /// Numbers above `last` are free again.
    pub fn truncate(&mut self, last: u64) {
        for asked in self.asked.iter_mut().flatten() {
            if asked.index.is_some_and(|i| i > last) {
                asked.index = None;
                asked.numbered = asked.numbered.saturating_sub(1);
            }
        }
    }

    /// Operations beyond the first `last` that change something and were answered.
    pub fn answered_beyond(&self, last: u64) -> u64 {
        let beyond = |a: &&Asked| a.answer.is_some() && a.index.is_some_and(|i| i > last);
        self.asked.iter().flatten().filter(beyond).count() as u64
    }

    /// What goes on is the first `last` operations: what was answered beyond, as weaker policies allow, is lost.
    pub fn inherit(&mut self, last: u64) {
        for asked in self.asked.iter_mut().flatten() {
            asked.lost |= asked.index.is_some_and(|i| i > last);
            if asked.floor > last && asked.answer.is_none() {
                lower(&mut self.floors, asked);
                asked.floor = last;
                if matches!(asked.op, Op::Read { .. }) {
                    *self.floors.entry(last).or_default() += 1;
                }
            }
        }
        self.answered = self.answered.min(last);
        self.truncate(last);
    }

    /// What was asked, changes something, and has neither a number nor an answer.
    pub fn unnumbered(&self) -> impl Iterator<Item = &Op> {
        let waits = |a: &&Asked| a.answer.is_none() && a.index.is_none();
        let ops = self.asked.iter().flatten().filter(waits).map(|a| &a.op);
        ops.filter(|op| !matches!(op, Op::Read { .. }))
    }

    /// The least floor of an open read.
    pub fn least_floor(&self) -> Option<u64> {
        self.floors.keys().next().copied()
    }

    /// Requests that never got an answer.
    pub fn unanswered(&self) -> impl Iterator<Item = (u32, u32, &Asked)> {
        let slots = self.slots;
        self.asked.iter().enumerate().flat_map(move |(i, queue)| {
            queue
                .iter()
                .filter(|a| a.answer.is_none() && !a.abandoned)
                .map(move |a| (i as u32 / slots, i as u32 % slots, a))
        })
    }

    pub fn memory(&self) -> u64 {
        self.asked.iter().map(|q| (q.capacity() * size_of::<Asked>()) as u64).sum()
    }
}

fn lower(floors: &mut BTreeMap<u64, u32>, asked: &Asked) {
    if let (Op::Read { .. }, Some(count)) = (&asked.op, floors.get_mut(&asked.floor)) {
        *count -= 1;
        if *count == 0 {
            floors.remove(&asked.floor);
        }
    }
}
