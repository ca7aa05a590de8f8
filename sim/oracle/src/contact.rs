//! Since when a source is known to be in touch with its destination.

use crate::wire::Connection;

/// Kept for each mirror. Counted when the destination sends it: whether it arrives decides only how late the source is.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    /// Source boot and number of the last Ping, and when it left first.
    ping: (u64, u64, u64),
    /// When the youngest Ping left that was answered; nothing before the first.
    confirmed: Option<u64>,
}

impl Contact {
    /// A Ping left the source; one that is sent again keeps its number.
    pub fn ping(&mut self, connection: Connection, number: u64, time: u64) {
        if (self.ping.0, self.ping.1) != (connection[0], number) {
            self.ping = (connection[0], number, time);
        }
    }

    /// A Pong left the destination.
    pub fn pong(&mut self, connection: Connection, number: u64) {
        if (self.ping.0, self.ping.1) == (connection[0], number) {
            self.confirmed = self.confirmed.max(Some(self.ping.2));
        }
    }

    /// Whether a Ping that left at that time or later was answered.
    pub fn since(&self, time: u64) -> bool {
        self.confirmed.is_some_and(|at| at >= time)
    }
}
