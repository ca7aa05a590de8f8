//! A run in a child that tells each of its entries, for whoever looks at it while it goes on. Nothing of it is kept but the
//! last entries, and whoever has seen enough leaves it: the child ends.

use crate::child::{AGAIN, Answer, Nursery, Running, Wish};
use crate::plan::Plan;
use crate::repeat::Told;
use crate::serve::{Said, entry};
use crate::watch::Last;
use mirrorsim_world::Entry;
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::spec::Spec;
use std::io;

/// The entries of a run, in order.
#[derive(Debug)]
pub struct Telling<'n, 'a> {
    nursery: &'n mut Nursery<'a>,
    wish: Wish<'n>,
    spec: Spec,
    child: Option<Running>,
    /// A child that is told to end is started again so often; then it goes on where it was.
    again: usize,
    last: Last,
    end: Option<Answer>,
}

impl<'a> Nursery<'a> {
    /// Runs a seed, and tells its entries.
    ///
    /// # Errors
    /// No child can be started.
    pub fn tell<'n>(&'n mut self, plan: &'n Plan, seed: u64) -> io::Result<Telling<'n, 'a>> {
        Telling::new(self, Wish { plan, number: 0, seed, sight: None })
    }
}

impl<'n, 'a> Telling<'n, 'a> {
    pub(crate) fn new(nursery: &'n mut Nursery<'a>, wish: Wish<'n>) -> io::Result<Telling<'n, 'a>> {
        let child = Some(nursery.begin(&wish, 0)?);
        Ok(Telling {
            nursery,
            wish,
            spec: wish.spec(),
            child,
            again: AGAIN,
            last: Last::default(),
            end: None,
        })
    }

    /// The spec of the run, with what the seed draws.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The next entry, with its words.
    pub fn told(&mut self) -> Option<Told> {
        self.next().map(|entry| Told::of(&self.spec, &entry))
    }

    /// What the run came to; `None`: it still goes on.
    pub fn end(&self) -> Option<Outcome> {
        Some(match self.end.as_ref()? {
            Answer::Done { outcome, .. } => (**outcome).clone(),
            answer => self.nursery.lost(&self.wish, answer, &self.last),
        })
    }

    /// Takes the last thing that the child has said; nothing: it died.
    fn close(&mut self, said: Option<Said>) {
        let Some(child) = self.child.take() else { return };
        let answer = match said.and_then(Answer::of) {
            Some(answer) => answer,
            None => child.bury().unwrap_or(Answer::Sent),
        };
        if let (Answer::Sent, 1..) = (&answer, self.again) {
            self.again -= 1;
            self.child = self.nursery.begin(&self.wish, self.last.next()).ok();
        }
        if self.child.is_none() {
            self.end = Some(answer);
        }
    }
}

impl Iterator for Telling<'_, '_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            match self.child.as_mut()?.said() {
                Some(Said::Pulse(_)) => {}
                Some(Said::Event { number, words }) => {
                    let entry = entry(words);
                    self.last.add(number, entry);
                    return Some(entry);
                }
                said => self.close(said),
            }
        }
    }
}
