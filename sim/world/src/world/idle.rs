//! Scripted faults that changed nothing, and why: a run in which one did proves less than its scenario says.

use super::World;
use crate::hosted::{Machines, SourceMachine};
use crate::server::Machine;
use crate::spec::{Fault, When};

impl<M: Machines> World<'_, M> {
    /// Why a fault of the plan that has just come changed nothing, as far as that is known.
    pub(super) fn why_nothing(&self, fault: &Fault) -> Option<String> {
        let name = |server: usize| self.name(server).to_owned();
        let down = |server: usize| match (&self.servers[server].machine, self.servers[server].gone) {
            (_, true) => Some(format!("the site of {} is lost", name(server))),
            (None, false) => Some(format!("{} is down", name(server))),
            (Some(_), false) => None,
        };
        match *fault {
            Fault::HandOver { source } => {
                let (to, from) = (self.source_of(source), self.destination_of(source));
                if self.servers[to].gone {
                    return Some(format!(
                        "the site of {} is lost, so there is nobody to hand over to",
                        name(to)
                    ));
                }
                let serves = matches!(&self.servers[to].machine, Some(Machine::Source(m)) if !m.stopped());
                Some(match serves {
                    true => format!("{} serves its clients itself: no server was promoted", name(to)),
                    false => format!("{} serves no clients of {}", name(from), name(source)),
                })
            }
            Fault::Adopt { source, by } => down(by).or_else(|| down(self.destination_of(source))),
            Fault::Recover { source, .. } => down(self.destination_of(source)),
            Fault::Seal { source } | Fault::Disaster { source, .. } | Fault::Readd { source } => {
                down(self.source_of(source))
            }
            Fault::Restart { node } => {
                let server = self.node(node);
                Some(down(server).unwrap_or_else(|| format!("{} is up", name(server))))
            }
            Fault::Crash { node, .. } | Fault::PowerCut { node, .. } | Fault::Pause { node, .. } => {
                down(self.node(node))
            }
            Fault::Heal { .. } => Some("nothing was cut".into()),
            Fault::Cut { .. } => Some("the link was cut already".into()),
            Fault::Clog { .. } => Some("the link was clogged already".into()),
            Fault::Reset { .. } => Some("there was no connection".into()),
            _ => None,
        }
    }

    /// The first scripted fault that never took effect, and what it was waiting for.
    pub(crate) fn idle_fault(&self) -> Option<String> {
        let scripted = |i: &usize| !self.fault_counts[*i].place.is_empty();
        let idle = |i: &usize| self.fault_counts[*i].took_effect == 0;
        let index = (0..self.faults.len()).filter(scripted).find(idle)?;
        let count = &self.fault_counts[index];
        let why = match self.faults[index].when {
            _ if self.hand_over_orders.contains(&index) => {
                "it was ordered, and whoever serves the clients never gave them away: its mirror was not in sync, or not in reach".into()
            }
            _ if count.injected > 0 => match self.why_idle.get(&index) {
                Some(why) => format!("it came when {why}"),
                None => "it came, and changed nothing".into(),
            },
            When::On { stage, nth, source, node, .. } if !self.triggered[index] => {
                let server = node.map(|n| self.node(n));
                let of = source.map_or_else(String::new, |s| format!(" of {}", self.name(s)));
                let at = server.map_or_else(String::new, |s| format!(" at {}", self.name(s)));
                let stage_of = format!("the stage `{}`{of}{at}", stage.name());
                match self.came(stage, source, server) {
                    0 => format!("{stage_of} never came"),
                    1 => format!("{stage_of} came once, and not {nth} times"),
                    came => format!("{stage_of} came {came} times, and not {nth}"),
                }
            }
            _ => "everything was healed before it".into(),
        };
        Some(format!("{} at {} never took effect: {why}", count.name, count.place))
    }
}
