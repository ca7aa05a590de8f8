//! Who answers the clients of a mirror, and when: what it costs them that another server takes their server's place.

use crate::outcome::{TakeoverKind, TakeoverReport};
use crate::spec::Nanos;

/// What was seen of the service of one mirror's clients. It is noted for the report, and decides nothing but whether an order was a repeated one.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// When the site of the server that served them was last lost, with clients that needed it.
    pub disaster: Option<Nanos>,
    /// The server whose answers they have.
    server: usize,
    /// Its last answer.
    last: Option<Nanos>,
    takeovers: Vec<Takeover>,
}

#[derive(Clone, Copy, Debug)]
struct Takeover {
    kind: TakeoverKind,
    to: usize,
    adopter: Option<usize>,
    disaster: Option<Nanos>,
    ordered: Nanos,
    served: Option<Nanos>,
    last: Option<Nanos>,
    first: Option<Nanos>,
}

impl Service {
    /// Clients who are served by `server`.
    pub fn new(server: usize) -> Self {
        Service { disaster: None, server, last: None, takeovers: Vec::new() }
    }

    /// The operator wants them to be served by `to` from now on.
    pub fn ordered(&mut self, kind: TakeoverKind, to: usize, adopter: Option<usize>, now: Nanos) {
        // Of the same wish, repeated, the first time counts.
        if self.takeovers.last().is_some_and(|t| t.first.is_none() && (t.kind, t.to) == (kind, to)) {
            return;
        }
        let since = self.takeovers.iter().filter_map(|t| t.first).max();
        let disaster = self.disaster.filter(|at| since.is_none_or(|since| *at > since));
        self.takeovers.push(Takeover {
            kind,
            to,
            adopter,
            disaster,
            ordered: now,
            served: None,
            last: None,
            first: None,
        });
    }

    /// The site of who served them is lost.
    pub fn lost(&mut self, now: Nanos) {
        self.disaster = Some(now);
        if let Some(open) = self.takeovers.last_mut().filter(|t| t.served.is_none()) {
            open.disaster = Some(now);
        }
    }

    /// A server serves them, durably.
    pub fn serves(&mut self, to: usize, now: Nanos) {
        if let Some(open) = self.takeovers.iter_mut().rfind(|t| t.to == to && t.first.is_none()) {
            open.served.get_or_insert(now);
        }
    }

    /// An answer of a server has come to a client.
    pub fn answered(&mut self, from: usize, now: Nanos) {
        if from == self.server {
            self.last = Some(now);
        } else if let Some(open) = self.takeovers.iter_mut().rfind(|t| t.to == from && t.first.is_none()) {
            (open.last, open.first) = (self.last, Some(now));
            (self.server, self.last) = (from, Some(now));
        }
        // Else a former server had sent it before: it is late, and no service.
    }

    /// The server whose answers they have.
    pub fn server(&self) -> usize {
        self.server
    }

    /// Whether they were handed over, and went back.
    pub fn given_back(&self) -> bool {
        self.takeovers.iter().any(|t| t.kind == TakeoverKind::HandOver && t.served.is_some())
    }

    /// Each takeover that was ordered, in that order.
    pub fn reports(&self, source: usize) -> impl Iterator<Item = TakeoverReport> {
        self.takeovers.iter().map(move |t| TakeoverReport {
            source,
            kind: t.kind,
            disaster: t.disaster,
            ordered: t.ordered,
            served: t.served,
            last_answer: t.last,
            first_answer: t.first,
            outage: t.first.zip(t.last).map(|(first, last)| first - last),
            adopter: t.adopter,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TakeoverKind::{HandOver, Promotion};

    const HOME: usize = 0;
    const HEIR: usize = 1;

    #[test]
    fn an_outage_ends_with_the_first_answer_of_the_heir() {
        let mut service = Service::new(HOME);
        service.answered(HOME, 10);
        service.answered(HOME, 20);
        assert_eq!(service.reports(0).count(), 0);
        service.ordered(Promotion, HEIR, None, 30);
        service.ordered(Promotion, HEIR, None, 35);
        assert_eq!(service.reports(0).map(|t| (t.ordered, t.outage)).collect::<Vec<_>>(), [(30, None)]);
        service.serves(HEIR, 60);
        service.answered(HEIR, 70);
        // One that was on its way for long.
        service.answered(HOME, 75);
        service.answered(HEIR, 80);
        let t = service.reports(0).next().expect("a promotion");
        assert_eq!((t.last_answer, t.served, t.first_answer), (Some(20), Some(60), Some(70)));
        assert_eq!((t.outage, service.server()), (Some(50), HEIR));
    }

    #[test]
    fn each_takeover_of_a_cycle_is_measured_by_itself() {
        let mut service = Service::new(HOME);
        service.answered(HOME, 10);
        for round in [100, 200] {
            service.lost(round);
            service.ordered(Promotion, HEIR, None, round + 1);
            service.answered(HEIR, round + 20);
            service.ordered(HandOver, HOME, None, round + 30);
            service.serves(HOME, round + 32);
            service.answered(HOME, round + 35);
        }
        let seen: Vec<_> = service.reports(0).map(|t| (t.kind, t.disaster, t.outage)).collect();
        let given_back = (HandOver, None, Some(15));
        let promoted = |at, outage| (Promotion, Some(at), Some(outage));
        assert_eq!(seen, [promoted(100, 110), given_back, promoted(200, 85), given_back]);
    }

    #[test]
    fn without_an_answer_before_there_is_no_outage() {
        let mut service = Service::new(HOME);
        service.ordered(Promotion, HEIR, None, 5);
        service.answered(HEIR, 9);
        let seen: Vec<_> = service.reports(0).map(|t| (t.first_answer, t.outage)).collect();
        assert_eq!(seen, [(Some(9), None)]);
    }
}
