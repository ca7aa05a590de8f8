//! What reached a server that stood still waits in its inbox, and is delivered when it goes on.

use super::World;
use crate::event::Deferred;
use crate::hosted::Machines;
use crate::kinds;
use crate::marks::Mark;

impl<M: Machines> World<'_, M> {
    pub(super) fn resume(&mut self, server: usize) {
        if self.servers[server].paused_until > self.sched.now() {
            return;
        }
        self.emit(kinds::RESUME, server, server, 0, [0; 3]);
        self.tell_paths();
        if !self.inboxes[server].is_empty() {
            self.coverage.marks.reached(Mark::WokeUp);
        }
        for deferred in std::mem::take(&mut self.inboxes[server]) {
            match deferred {
                Deferred::Frame(source, frame) => self.deliver_frame(server, source, frame),
                Deferred::Done(token, completion, life) => self.deliver_done(server, token, completion, life),
                Deferred::Request(client, slot, request) => self.request_arrives(client, slot, request),
                Deferred::Disconnect(source) => self.disconnect(server, source as usize),
            }
        }
    }

    pub fn forget_inbox(&mut self, server: usize) {
        self.inboxes[server].clear();
    }
}
