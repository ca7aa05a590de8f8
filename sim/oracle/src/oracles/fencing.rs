//! I8, as far as this part goes: once a superblock in role recovering or recovered is durable at the destination, no
//! record of the mirror is accepted any more and no acknowledgement for one is generated. Nor does a client have an answer of a
//! server that is fenced (for more than its mirror goes on with), has handed its clients over (LR8), or keeps them for another (LR9).

use crate::bytes::{Position, Record};
use crate::finding::{Findings, Oracle};
use crate::history::{Asked, Who};
use crate::mirror::Mirror;
use crate::setup::{Policy, Setup};
use crate::superblock::DIVERGED;

/// A record was written to the destination's NVRAM.
pub(crate) fn accepted(m: &Mirror, r: &Record, out: &mut Findings) {
    let Some(since) = m.copy.fenced else { return };
    out.judged(Oracle::Fencing);
    out.fail(Oracle::Fencing, "I8", || {
        format!("mirror {}: {} was accepted though fenced since {since}", m.number, r.position)
    });
}

/// An acknowledgement (ForwardAck, Welcome, SyncDone) left the destination.
pub(crate) fn acknowledged(m: &Mirror, what: &str, up_to: Position, epoch: Option<u64>, out: &mut Findings) {
    let Some(since) = m.copy.fenced else { return };
    out.judged(Oracle::Fencing);
    if epoch.is_some_and(|e| e >= m.copy.image.stable.epoch) {
        return;
    }
    out.fail(Oracle::Fencing, "I8", || {
        format!("mirror {}: a {what} for {up_to} was generated though fenced since {since}", m.number)
    });
}

/// A client was answered after a real recovery: only what that recovery has reached may have been acknowledged.
pub(crate) fn answered(m: &Mirror, index: u64, out: &mut Findings) {
    let Some(reached) = m.copy.recovered else {
        return;
    };
    out.expect(Oracle::Fencing, "I8", index <= reached, || {
        let (at, end) = (m.model.position_of(index), m.model.position_of(reached));
        format!("source {}: {at} was answered, the mirror was recovered to {end}", m.number)
    });
}

/// The former source of a mirror has answered a client: what is not in the image that others read and write now is lost
/// to everybody but that client. Weaker policies allow that much, and it is counted.
pub(crate) fn answered_by_former(m: &Mirror, setup: &Setup, asked: &Asked, out: &mut Findings) {
    let Some(former) = m.former.filter(|f| setup.policy == Policy::Strict && !f.promoted) else {
        return;
    };
    let reached = former.reached;
    out.expect(Oracle::Fencing, "I8", asked.index.is_some_and(|index| index <= reached), || {
        let (request, end) = (asked.who(), m.model.position_of(reached));
        format!(
            "source {}: {request} was answered by it, and its mirror goes on without it from {end}",
            m.number
        )
    });
}

/// A source has answered although it had been told that it is fenced.
pub(crate) fn answered_though_told(number: usize, request: Who, since: u64, out: &mut Findings) {
    out.expect(Oracle::Fencing, "I8", false, || {
        format!("source {number}: {request} was answered by a server that had heard at {since} ns that it is fenced")
    });
}

/// LR9: a source whose clients another one has adopted, and which has heard of it, says so if it alone has answers of its own.
pub(crate) fn exile_rests(m: &Mirror, role: Option<u16>, out: &mut Findings) {
    let (number, only) = (m.number, m.only_exile);
    out.expect(Oracle::Fencing, "LR9", only == 0 || role == Some(DIVERGED), || {
        format!("source {number}: {only} operations are answered that no other server has, and it does not say that it is diverged")
    });
}

/// Who serves the clients acknowledges nothing of a source any more.
pub(crate) fn acknowledged_by_heir(m: &Mirror, up_to: Position, out: &mut Findings) {
    let (number, since) = (m.number, m.former.and_then(|former| former.since));
    out.expect(Oracle::Fencing, "I8", false, || {
        format!("mirror {number}: {up_to} was acknowledged by the server of its clients, which had it fenced since {} ns", since.unwrap_or(0))
    });
}

/// The former source gives up what it has.
pub(crate) fn gives_up(m: &Mirror, out: &mut Findings) {
    let (number, only) = (m.number, m.only_former);
    out.expect(Oracle::Fencing, "LR7", only == 0, || {
        format!(
            "source {number}: {only} operations are answered that no other server has, and it gives them up"
        )
    });
}

/// LR9: a mirror that was recovered for another server is served by nobody until that one has it.
pub(crate) fn answered_for_another(m: &Mirror, request: Who, out: &mut Findings) {
    let (number, server) = (m.number, out.serving);
    out.expect(Oracle::Fencing, "LR9", false, || {
        format!(
            "mirror {number}: {request} was answered by {server}, which has recovered it for another server"
        )
    });
}

/// LR8: from its hand-over on a server answers nobody, until it is the server of the clients again.
pub(crate) fn answered_by_retired(m: &Mirror, server: &str, request: Who, out: &mut Findings) {
    let number = m.number;
    out.expect(Oracle::Fencing, "LR8", false, || {
        format!("mirror {number}: {request} was answered by {server}, which has handed its clients over")
    });
}

/// LR8: who takes the clients back by force does so above the epoch in which the other server may have begun to serve them.
pub(crate) fn reclaimed(m: &Mirror, out: &mut Findings) {
    let (number, epoch, other) = (m.number, m.source.volume.stable.epoch, m.at_retirement + 1);
    out.expect(Oracle::Fencing, "LR8", epoch > other, || {
        format!("mirror {number}: its clients are served again in epoch {epoch}, and {other} may have begun elsewhere")
    });
}
