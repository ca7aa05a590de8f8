//! Who has heard that it is fenced (I8): from then on it answers nobody in that epoch, under any policy and after any restart.

use crate::history::Who;
use crate::judge::Judge;
use crate::oracles::fencing;
use crate::setup::{Device, Medium};
use crate::superblock::Superblock;

/// A mirror, and whether it is about one that another source has taken the clients of, not its source.
type Fenced = (usize, bool);

impl Judge {
    /// A frame was delivered to a source which says that a newer epoch exists.
    pub fn hears_fence(&mut self, (source, exiled): Fenced) {
        let time = self.out.time;
        if let Some(fences) = self.fences.get_mut(source) {
            fences[exiled as usize].get_or_insert(time);
        }
    }

    /// It ended before what it did about it could be durable, or a device has failed it: it may not know any more.
    pub fn forgets_fence(&mut self, (source, exiled): Fenced) {
        if let Some(fences) = self.fences.get_mut(source) {
            fences[exiled as usize] = None;
        }
    }

    /// It is the source of an epoch above that one.
    pub(crate) fn leads_again(&mut self, source: usize) {
        self.forgets_fence((source, false));
    }

    /// Another source has taken its clients.
    pub(crate) fn exiles(&mut self, source: usize) {
        if let Some([own, exiled]) = self.fences.get_mut(source) {
            *exiled = own.take();
        }
    }

    /// It has heard that nobody will say to it where the recovery ended with which the next epoch began.
    pub fn hears_exile(&mut self, source: usize) {
        let m = self.turned.get_mut(source).and_then(Option::as_mut).map(|judge| &mut judge.mirrors[source]);
        if let Some(m) = m.or(self.mirrors.get_mut(source)) {
            m.exile_told = true;
        }
    }

    /// All has come to rest: these are its devices.
    pub fn exile_rests(&mut self, source: usize, own: &dyn Medium) {
        let Some(home) = self.mirrors.get(source).map(|m| m.at.own.base) else { return };
        let turned = self.turned.get(source).and_then(Option::as_ref).map(|judge| &judge.mirrors[source]);
        let Some(m) = turned.or(self.mirrors.get(source)).filter(|m| m.exile_told) else { return };
        let found = Superblock::best(&own.read(Device::Image, home, 1024), &m.model.uuid);
        fencing::exile_rests(m, found.map(|s| s.role), &mut self.out);
    }

    /// It has answered.
    pub(crate) fn answered_fenced(&mut self, (source, exiled): Fenced, request: Who) {
        let since = self.fences.get(source).and_then(|fences| fences[exiled as usize]);
        if let Some(since) = since {
            fencing::answered_though_told(source, request, since, &mut self.out);
        }
    }
}
