//! Rehearsals: the real recovery machine on private copies of the destination's devices, each effect carried out at
//! once. It may go on from a trunk, which is what an equal rehearsal came to before.

use crate::batches::{Batch, Batches};
use crate::probe::DEVICES;
use crate::trunk::{Landing, Trunks};
use bytes::Bytes;
use mirror::effect::{Completion, Device, Effect, Outbox};
use mirror::geometry::{Geometry, Region};
use mirror::mark;
use mirror::quirk::Quirk;
use mirror::recovery::{Outcome, Recovery};
use mirror::superblock::{Superblock, Verdict};
use mirrorsim_engine::{Decisions, FateOdds, Scratch, View, draw_fates};
use mirrorsim_oracle as oracle;
use smallvec::smallvec;
use std::cell::RefCell;
use std::sync::Arc;

/// A private copy of the destination's devices.
pub struct Copy<'a> {
    devices: [RefCell<Scratch<'a>>; 4],
    blind: RefCell<Blind>,
}

impl<'a> Copy<'a> {
    /// From one view for each device.
    pub fn new(views: [View<'a>; 4], cuts: bool) -> Self {
        let scratch =
            |view| RefCell::new(if cuts { Scratch::new(view) } else { Scratch::without_cuts(view) });
        Copy { devices: views.map(scratch), blind: RefCell::default() }
    }

    fn look(&self, device: Device, offset: u64, length: u64) -> Bytes {
        if device == Device::Image {
            self.blind.borrow_mut().read(offset, length);
        }
        self.devices[device as usize].borrow().read(offset, length)
    }

    /// Ranges of the image disk that were overwritten unread so far; none are looked for from now on.
    pub fn end_blind(&self) -> Vec<(u64, u64)> {
        self.blind.borrow_mut().end()
    }

    /// The power goes.
    pub fn power_cut(&self, decisions: &mut Decisions, odds: &FateOdds) {
        for (d, device) in self.devices.iter().enumerate() {
            let mut device = device.borrow_mut();
            let (subject, granule) = (100 + d as u32, device.granule());
            let fates = draw_fates(device.pending(), granule, decisions, subject, odds);
            device.power_cut(&fates);
        }
    }
}

impl oracle::Medium for Copy<'_> {
    fn read(&self, device: oracle::Device, offset: u64, length: u64) -> Bytes {
        self.look(DEVICES[device as usize], offset, length)
    }
}

/// A copy that the judge looks at while a recovery is under way: what it reads, the recovery has not read.
struct Aside<'c, 'a>(&'c Copy<'a>);

impl oracle::Medium for Aside<'_, '_> {
    fn read(&self, device: oracle::Device, offset: u64, length: u64) -> Bytes {
        self.0.devices[device as usize].borrow().read(offset, length)
    }
}

/// Bytes of the image disk that a recovery has overwritten before anybody read them. What stood there made no
/// difference to anything that the recovery did, nor to what it left.
#[derive(Clone, Default)]
pub struct Blind {
    seen: Vec<(u64, u64)>,
    written: Vec<(u64, u64)>,
    /// What comes now is not looked at any more.
    over: bool,
}

impl Blind {
    /// The first read behind a blind write ends it: the redo of a journal, which this is about, is over then.
    fn read(&mut self, offset: u64, length: u64) {
        self.over |= !self.written.is_empty();
        if !self.over {
            self.seen.push((offset, length));
        }
    }

    fn write(&mut self, offset: u64, length: u64) {
        let touches = |(at, size): &(u64, u64)| offset < at + size && *at < offset + length;
        if !self.over && !self.seen.iter().any(touches) {
            self.written.push((offset, length));
        }
    }

    /// What there is; nothing is looked at from now on.
    fn end(&mut self) -> Vec<(u64, u64)> {
        self.over = true;
        std::mem::take(&mut self.written)
    }

    /// Whether what comes now will be looked at in the same way.
    pub fn same_so_far(&self, other: &Blind) -> bool {
        (self.over, &self.written) == (other.over, &other.written) && (self.over || self.seen == other.seen)
    }
}

/// What a recovery on a copy came to.
pub struct Recovered {
    /// Position and verdict; `None`: it did not end (no superblock, or cut on purpose).
    pub to: Option<oracle::RecoveredTo>,
    /// Ranges of the image disk that it wrote, behind those that differed before.
    pub touched: Vec<(u64, u64)>,
    /// Where its image was judged last.
    pub base: Option<oracle::Base>,
    /// Records that it rolled forward.
    pub records: u64,
    /// Effects that it took.
    pub steps: u64,
}

/// The judge's form of a verdict.
pub fn to_oracle(position: mirror::ids::Position, verdict: Verdict) -> oracle::RecoveredTo {
    let place = |p: mirror::ids::Position| oracle::Position::new(p.generation, p.sequence);
    oracle::RecoveredTo {
        position: place(position),
        verdict: match verdict {
            Verdict::Complete => oracle::Verdict::Complete,
            Verdict::CompleteUpTo => oracle::Verdict::CompleteUpTo,
            Verdict::Damaged { after, to } => oracle::Verdict::Damaged { from: place(after), to: place(to) },
        },
    }
}

/// Whose recovery it is.
#[derive(Clone, Copy)]
pub struct Cast<'m, Q> {
    /// The mirror.
    pub index: usize,
    /// Its number before the judge.
    pub number: usize,
    /// Its shape.
    pub geometry: &'m Arc<Geometry>,
    /// Its region on the image disk.
    pub region: &'m Region,
    /// Which mark is its own.
    pub mark: u16,
    /// Segments of the NVRAM: the first, and the one behind the last.
    pub segments: (u64, u64),
    /// What is bent.
    pub quirk: Q,
}

/// What else there is to a rehearsal that may go on from a trunk.
pub struct Common<'t> {
    /// Trunks of the mirror.
    pub trunks: &'t mut Trunks,
    /// The state of the image disk, as a sum over the writes that made it, if that is known.
    pub image: Option<u64>,
    /// Batches of the mirror.
    pub batches: &'t mut Batches,
    /// Looks at the end of each batch.
    pub judge: &'t mut oracle::Judge,
}

/// Runs the recovery machine of a mirror on a copy, up to `limit` effects. `touched`: ranges of the image disk where the
/// copy differs from what is stable.
pub fn recover<Q: Quirk>(
    copy: &Copy<'_>,
    cast: Cast<'_, Q>,
    limit: u64,
    touched: Vec<(u64, u64)>,
    common: Option<&mut Common<'_>>,
) -> Recovered {
    let Cast { index, number, geometry, region, mark, segments, quirk } = cast;
    let mut machine = Recovery::new(
        geometry.clone(),
        region.clone(),
        (index as u16, mark::base(mark)),
        segments.0..segments.1,
        quirk,
    );
    let mut out = Outbox::default();
    let mut run =
        Run { copy, common, number, records: None, batch: None, touched, base: None, steps: 0, before: 0 };
    machine.start(&mut out);
    while let Some(effect) = out.poll() {
        if run.steps == limit {
            break;
        }
        run.steps += 1;
        let on_image = |device: Device| device == Device::Image;
        let (reads, flushes) = match &effect {
            Effect::Read { device, .. } => (on_image(*device), false),
            Effect::Flush { device, .. } => (false, on_image(*device)),
            _ => (false, false),
        };
        if reads && run.records.is_none() && run.enter(&mut machine, limit, &mut out) {
            continue;
        }
        let Some((token, completion)) = run.carry_out(effect) else { continue };
        if reads && run.records.is_some() && run.repeat(&mut machine, &completion, limit, &mut out) {
            continue;
        }
        if flushes && run.batch.is_some() {
            run.land(&machine);
        }
        if let Outcome::Open(verdict, position) = machine.done(token, completion, &mut out) {
            let to = Some(to_oracle(position, verdict));
            let records = machine.replayed();
            return Recovered { to, touched: run.touched, base: run.base, records, steps: run.steps };
        }
    }
    let records = machine.replayed();
    Recovered { to: None, touched: run.touched, base: run.base, records, steps: run.steps }
}

/// A rehearsal under way.
struct Run<'c, 'a, 'o, 't> {
    copy: &'c Copy<'a>,
    common: Option<&'o mut Common<'t>>,
    /// The mirror's number before the judge.
    number: usize,
    /// How many records are rolled forward, once that is known.
    records: Option<usize>,
    /// The batch under way.
    batch: Option<Batch>,
    touched: Vec<(u64, u64)>,
    base: Option<oracle::Base>,
    steps: u64,
    /// Steps before the first batch.
    before: u64,
}

impl Run<'_, '_, '_, '_> {
    fn carry_out(&mut self, effect: Effect) -> Option<(mirror::effect::Token, Completion)> {
        let copy = self.copy;
        let scratch = |device: Device| copy.devices[device as usize].borrow_mut();
        Some(match effect {
            Effect::Read { device, token, ranges } => {
                let data = ranges.iter().map(|(at, length)| copy.look(device, *at, *length)).collect();
                (token, Completion::Read(data))
            }
            Effect::Write { device, token, runs } => {
                let mut scratch = scratch(device);
                for run in runs {
                    if device == Device::Image {
                        let length = run.length();
                        self.touched.push((run.offset, length));
                        copy.blind.borrow_mut().write(run.offset, length);
                    }
                    let mut parts = run.parts;
                    if let Some(batch) = &mut self.batch {
                        let data = match &parts[..] {
                            [one] => one.clone(),
                            _ => Bytes::from(parts.concat()),
                        };
                        parts = smallvec![data.clone()];
                        batch.writes.push((run.offset, data));
                    }
                    let serial = scratch.write(run.offset, parts, 0);
                    scratch.complete(serial);
                }
                if matches!(device, Device::Nvram | Device::Mark) {
                    return None;
                }
                (token, Completion::Done)
            }
            Effect::Discard { device, token, offset, length } => {
                let mut scratch = scratch(device);
                let serial = scratch.discard(offset, length, 0);
                scratch.complete(serial);
                (token, Completion::Done)
            }
            Effect::Flush { device, token } => {
                let mut scratch = scratch(device);
                let mark = scratch.begin_flush();
                scratch.end_flush(mark);
                (token, Completion::Done)
            }
            _ => return None,
        })
    }

    /// At the first batch: goes on from where an equal roll-forward came to. False if none is known.
    fn enter<Q: Quirk>(&mut self, machine: &mut Recovery<Q>, limit: u64, out: &mut Outbox) -> bool {
        let (Some(common), Some(ahead)) = (&mut self.common, machine.ahead()) else { return false };
        let mut device = self.copy.devices[Device::Image as usize].borrow_mut();
        if !device.pending().is_empty() {
            self.common = None;
            return false;
        }
        self.records = Some(ahead.len());
        self.before = self.steps;
        if let Some(image) = common.image {
            let mut blind = self.copy.blind.borrow_mut();
            let start = (image, *machine.superblock());
            if let Some(landing) = common.trunks.find(start, &blind, ahead, limit - self.steps) {
                device.go_on_from(&landing.image);
                *blind = landing.blind.clone();
                self.touched.clone_from(&landing.touched);
                self.base = Some(landing.base);
                self.steps += landing.steps;
                machine.go_on_behind(landing.applied, &landing.superblock, out);
                return true;
            }
        }
        drop(device);
        let base = self.base_at(machine.superblock());
        self.judge(base);
        false
    }

    fn base_at(&self, superblock: &Superblock) -> oracle::Base {
        let tail = &superblock.tail;
        let position = oracle::Position::new(tail.position.generation, tail.position.sequence);
        oracle::Base { position, check: tail.check, touched: self.touched.len() }
    }

    /// Between two batches the image is that of a cursor; if so, this is where the judge goes on from.
    fn judge(&mut self, at: oracle::Base) {
        if let Some(common) = &mut self.common
            && common.judge.batch(self.number, &Aside(self.copy), &self.touched, self.base, at)
        {
            self.base = Some(at);
        }
    }

    /// Whether the image as it is now was judged.
    fn is_judged(&self) -> bool {
        self.base.is_some_and(|base| base.touched == self.touched.len())
    }

    /// The blocks that a batch changes are read: does what an equal batch did. False if none is known.
    fn repeat<Q: Quirk>(
        &mut self,
        machine: &mut Recovery<Q>,
        read: &Completion,
        limit: u64,
        out: &mut Outbox,
    ) -> bool {
        let (Some(common), Some(_), Completion::Read(read)) = (&self.common, machine.ahead(), read) else {
            return false;
        };
        let (before, records) = (*machine.superblock(), machine.batch().len());
        let mut device = self.copy.devices[Device::Image as usize].borrow_mut();
        let known = common.batches.find(&before, machine.batch(), read);
        let judged = self.is_judged();
        let Some(batch) = known.filter(|b| self.steps + b.steps <= limit) else {
            self.batch = Some(Batch::new(&before, machine.batch(), read, self.steps));
            return false;
        };
        let mut blind = self.copy.blind.borrow_mut();
        for (offset, data) in &batch.writes {
            let length = data.len() as u64;
            self.touched.push((*offset, length));
            blind.write(*offset, length);
            device.put(*offset, data);
        }
        let after = batch.after;
        self.steps += batch.steps;
        drop((device, blind));
        if judged {
            // What an equal batch made of a good image was good.
            self.base = Some(self.base_at(&after));
        }
        machine.go_on_behind(records, &after, out);
        self.remember(&after, records, machine.ahead().map_or(0, |ahead| ahead.len()), self.steps);
        true
    }

    /// A batch may have ended: then it is judged, and remembered if it is good.
    fn land<Q: Quirk>(&mut self, machine: &Recovery<Q>) {
        let Some((superblock, left)) = machine.landing() else { return };
        let Some(mut batch) = self.batch.take() else { return };
        self.judge(self.base_at(superblock));
        // The machine notes that the batch is done and that a step is.
        let steps = self.steps + 2;
        self.remember(superblock, machine.batch().len(), left, steps);
        let judged = self.is_judged();
        if let Some(common) = self.common.as_mut().filter(|_| judged) {
            batch.after = *superblock;
            batch.steps = steps - batch.steps;
            common.batches.add(batch);
        }
    }

    /// Remembers the place behind a batch of so many `records`, if it can be one of the last two of this roll-forward.
    fn remember(&mut self, superblock: &Superblock, records: usize, left: usize, steps: u64) {
        let base = self.base.filter(|_| self.is_judged());
        let (Some(common), Some(base)) = (&mut self.common, base) else { return };
        let device = self.copy.devices[Device::Image as usize].borrow();
        if common.image.is_none() || left > records + 2 || !device.pending().is_empty() {
            return;
        }
        let landing = || Landing {
            applied: self.records.unwrap_or_default() - left,
            more: left > 0,
            superblock: *superblock,
            base,
            image: device.written().clone(),
            blind: self.copy.blind.borrow().clone(),
            touched: self.touched.clone(),
            steps: steps - self.before,
        };
        common.trunks.land(self.records.unwrap_or_default() - left, left > 0, landing);
    }
}
