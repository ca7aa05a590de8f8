//! Scripted and traced operations: each is judged at load, so that none fails a million events later.

use super::{Cx, names};
use crate::doc::clients::{Expect, Step, Trace as TraceDoc, Write};
use crate::document::At;
use crate::layout::{enough_for, largest_operation};
use crate::place::Place;
use crate::quantity::show_size;
use crate::scalar::Size;
use bytes::Bytes;
use mirrorsim_world::spec::{Spec, Trace, TraceAction, TraceOperation};
use std::path::PathBuf;
use std::sync::Arc;

/// `script`.
pub(crate) fn scripted(
    cx: &mut Cx<'_>,
    spec: &Spec,
    sources: Place,
    steps: &At<Vec<At<Step>>>,
    source: usize,
) -> Trace {
    if steps.is_empty() && !steps.place.poisoned && !spec.allow_vacuous {
        let draft = steps.wrong("vacuous", "0 operations: this client would do nothing");
        cx.desk.report(draft.help("say `allow_vacuous: true` if that is what you want"));
    }
    // All writes of zeros share them.
    let wants_zeros = steps.iter().any(|s| s.write.as_ref().is_some_and(|w| *w.zeros));
    let zeros = Bytes::from(vec![0; if wants_zeros { largest_operation(spec, source) as usize } else { 0 }]);
    let operation = |step| one_step(cx, spec, sources, step, source, &zeros);
    let operations: Vec<TraceOperation> = steps.iter().filter_map(operation).collect();
    let timed = steps.iter().any(|s| s.at.given);
    Trace { operations: Arc::new(operations), speed_milli: timed.then_some(1000) }
}

fn one_step(
    cx: &mut Cx<'_>,
    spec: &Spec,
    sources: Place,
    step: &At<Step>,
    source: usize,
    zeros: &Bytes,
) -> Option<TraceOperation> {
    let volume = names::volume(cx, spec, source, sources, step.volume.as_ref())?;
    let mut place = step.place;
    let action = if let Some(w) = &step.write {
        place = w.length.as_ref().map_or(w.offset.place, |l| l.place);
        write(cx, w, zeros)?
    } else if let Some(z) = &step.write_zeroes {
        place = z.length.place;
        TraceAction::WriteZeroes { offset: z.offset.0, length: z.length.0 }
    } else if let Some(a) = &step.add {
        place = a.offset.place;
        TraceAction::Add { offset: a.offset.0, delta: a.delta.0 }
    } else if let Some(r) = &step.read {
        place = r.length.place;
        TraceAction::Read { offset: r.offset.0, length: r.length.0 }
    } else {
        step.flush.as_ref()?;
        TraceAction::Flush
    };
    let expect_error = *step.expect == Expect::Error;
    match (refused(spec, source, volume, &action), expect_error) {
        (Some((what, help)), false) => {
            let draft = crate::problem::Draft::at(place, &step.path, "refused-operation", what);
            cx.desk.report(draft.help(format!("{help}; or say `expect: error` if it is to be refused")));
        }
        (None, true) => {
            let draft = step
                .expect
                .wrong("refused-operation", "nothing is wrong with this operation: it would not be refused");
            cx.desk.report(draft.help("leave `expect: error` out"));
        }
        _ => {}
    }
    Some(TraceOperation { at: step.at.0, volume, action, expect_error })
}

fn write(cx: &mut Cx<'_>, w: &At<Write>, zeros: &Bytes) -> Option<TraceAction> {
    if *w.zeros && w.text.is_some() {
        let what = "`zeros` and `text` are two payloads of one write";
        cx.desk.report(w.zeros.wrong("exclusive-keys", what).help("leave one of them out"));
        return None;
    }
    let payload = w.text.as_ref().map(|t| Bytes::copy_from_slice(t.0.as_bytes()));
    let own = payload.as_ref().map(|p| p.len() as u64);
    let length = match (w.length.as_ref(), own) {
        (Some(length), None) => length.0,
        (None, Some(own)) => own,
        (Some(length), Some(own)) if length.0 == own => own,
        (Some(length), Some(own)) => {
            differ(cx, length, own);
            return None;
        }
        (None, None) => {
            cx.desk.report(w.wrong("missing-key", "`length` is missing").want("`length: 512B`, or a `text`"));
            return None;
        }
    };
    // What is longer is refused as an operation.
    let payload = if *w.zeros { Some(zeros.slice(..zeros.len().min(length as usize))) } else { payload };
    Some(TraceAction::Write { offset: w.offset.0, length, payload, wait: *w.wait })
}

fn differ(cx: &mut Cx<'_>, length: &At<Size>, own: u64) {
    let what = format!("`length` is {}, but the text has {own} bytes", length.0);
    cx.desk.report(length.wrong("range", what).help("leave `length` out"));
}

/// Why an operation gets a definite error, and the cure; `None` if it does not.
fn refused(spec: &Spec, source: usize, volume: usize, action: &TraceAction) -> Option<(String, String)> {
    let (offset, length) = match *action {
        TraceAction::Write { offset, length, .. }
        | TraceAction::WriteZeroes { offset, length }
        | TraceAction::Read { offset, length } => (offset, length),
        TraceAction::Add { offset, .. } => (offset, 8),
        TraceAction::Flush => return None,
    };
    let size = spec.sources[source].volumes[volume].size;
    let largest = largest_operation(spec, source);
    if length == 0 {
        return Some(("an operation of length 0".into(), "give it at least one byte".into()));
    }
    if length > largest {
        let what = format!("{length} bytes is longer than the largest operation, {largest} bytes");
        return Some((what, enough_for(length)));
    }
    if offset.saturating_add(length) > size {
        let what = format!("ends at byte {}, behind the end of the volume", offset.saturating_add(length));
        return Some((what, format!("the volume has {}", show_size(size))));
    }
    if matches!(action, TraceAction::Add { .. }) && !offset.is_multiple_of(8) {
        return Some((
            "an `add` at an offset that is no multiple of 8".into(),
            format!("the next is {}", offset.next_multiple_of(8)),
        ));
    }
    None
}

/// `trace`.
pub(crate) fn traced(
    cx: &mut Cx<'_>,
    spec: &Spec,
    sources: Place,
    t: &At<TraceDoc>,
    source: usize,
) -> Option<Trace> {
    let volume = names::volume(cx, spec, source, sources, t.volume.as_ref())?;
    let path = find(cx, t)?;
    if let Some(zero) = t.limit.as_ref().filter(|l| l.0 == 0) {
        cx.desk.report(zero.wrong("vacuous", "with 0 requests the trace is empty").want("at least 1"));
        return None;
    }
    let wanted = crate::trace::Wanted {
        format: t.format.as_ref().map(|f| f.value),
        skip: t.skip.0,
        limit: t.limit.as_ref().map(|l| l.0),
        speed_milli: (t.speed.0 > 0).then_some(u64::from(t.speed.0)),
        volume,
        volume_size: spec.sources[source].volumes[volume].size,
        largest: largest_operation(spec, source),
        shift: t.shift.0,
        outside: *t.outside,
        unsupported: *t.unsupported,
        host: t.host.as_ref().map(|h| h.0.clone()),
        disk: t.disk.as_ref().map(|d| d.0),
    };
    match crate::trace::read(&path, &wanted) {
        Ok(trace) => {
            check_trace(cx, spec, t, &trace, source);
            cx.traces.push(crate::trace::sum(&trace));
            Some(trace)
        }
        Err(why) => {
            let (place, problem) = why.parts();
            let mut draft =
                t.file.wrong("trace", format!("cannot use this trace: {place}: {}", problem.what));
            if !problem.got.is_empty() {
                draft = draft.got(problem.got.as_str());
            }
            if !problem.want.is_empty() {
                draft = draft.want(problem.want.as_str());
            }
            if !problem.help.is_empty() {
                draft = draft.help(problem.help.as_str());
            }
            cx.desk.report(draft);
            None
        }
    }
}

/// The first operation of a trace that would be refused stands for all.
fn check_trace(cx: &mut Cx<'_>, spec: &Spec, t: &At<TraceDoc>, trace: &Trace, source: usize) {
    if trace.operations.is_empty() && !spec.allow_vacuous {
        cx.desk.report(t.file.wrong("vacuous", "the trace has no operations"));
    }
    let bad = |o: &TraceOperation| refused(spec, source, o.volume, &o.action);
    let first = trace.operations.iter().enumerate().find_map(|(i, o)| bad(o).map(|b| (i, b)));
    if let Some((i, (what, help))) = first {
        cx.desk.report(
            t.file.wrong("refused-operation", format!("operation {} of the trace: {what}", i + 1)).help(help),
        );
    }
}

/// Beside the scenario, in the data folder, or in the working directory, in this order.
fn find(cx: &mut Cx<'_>, t: &At<TraceDoc>) -> Option<PathBuf> {
    let folders = [Some(cx.folder.to_path_buf()), cx.options.data.clone(), Some(PathBuf::from("."))];
    let tried: Vec<PathBuf> = folders.into_iter().flatten().map(|f| f.join(&t.file.0)).collect();
    if let Some(found) = tried.iter().find(|p| p.is_file()) {
        return Some(found.clone());
    }
    let mut shown: Vec<String> = tried.iter().map(|p| p.display().to_string()).collect();
    shown.dedup();
    let draft = t
        .file
        .wrong("trace-missing", "no such trace file")
        .help(format!("looked for {}", shown.join(", then ")));
    let hint =
        if cx.options.data.is_none() { "; the variable MIRRORSIM_DATA names a folder of traces" } else { "" };
    cx.desk.report(draft.want(format!("the path of a trace{hint}")));
    None
}
