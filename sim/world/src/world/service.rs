//! Who answers the clients of a mirror, and when: what it costs them that the destination takes their source's place.

use crate::outcome::PromotionReport;
use crate::spec::Nanos;

/// What was seen of the service of one mirror's clients. It is noted for the report, and decides nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Service {
    /// When the site of the source was lost, with clients that needed it.
    pub disaster: Option<Nanos>,
    /// When the operator first wanted the destination to serve them.
    pub wanted: Option<Nanos>,
    /// When the destination first did so, durably.
    pub promoted: Option<Nanos>,
    /// The source that was to serve them instead.
    pub adopter: Option<usize>,
    /// The last answer of the source that a client had before the first one of the destination.
    last: Option<Nanos>,
    first: Option<Nanos>,
}

impl Service {
    /// An answer has come to a client.
    pub fn answered(&mut self, by_heir: bool, now: Nanos) {
        match self.first {
            None if by_heir => self.first = Some(now),
            None => self.last = Some(now),
            // What the former source had sent before is late, and no service.
            Some(_) => {}
        }
    }

    /// Whether the destination has answered anybody in the source's place.
    pub fn heir_has_answered(&self) -> bool {
        self.first.is_some()
    }

    /// The promotion, if one was ordered.
    pub fn report(&self, source: usize) -> Option<PromotionReport> {
        Some(PromotionReport {
            source,
            disaster: self.disaster,
            ordered: self.wanted?,
            promoted: self.promoted,
            last_answer: self.last,
            first_answer: self.first,
            adopter: self.adopter,
            outage: self.first.zip(self.last).map(|(first, last)| first - last),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_ends_with_the_first_answer_of_the_heir() {
        let mut service = Service::default();
        assert_eq!(service.report(0), None);
        service.answered(false, 10);
        service.answered(false, 20);
        service.wanted = Some(30);
        assert_eq!(service.report(0).and_then(|p| p.outage), None);
        assert!(!service.heir_has_answered());
        service.answered(true, 70);
        // One that was on its way for long.
        service.answered(false, 75);
        service.answered(true, 80);
        assert!(service.heir_has_answered());
        let report = service.report(0).expect("a promotion");
        assert_eq!((report.last_answer, report.first_answer, report.outage), (Some(20), Some(70), Some(50)));
    }

    #[test]
    fn without_an_answer_before_there_is_no_outage() {
        let mut service = Service { wanted: Some(5), ..Service::default() };
        service.answered(true, 9);
        assert_eq!(service.report(0).map(|p| (p.first_answer, p.outage)), Some((Some(9), None)));
    }
}
