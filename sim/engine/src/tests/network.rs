use crate::{Decisions, Delay, Delivery, Link, LinkSpec, Mode, sites};

fn spec(mode: Mode) -> LinkSpec {
    LinkSpec {
        mode,
        latency: Delay::uniform(100, 10_000),
        bandwidth: 0,
        loss: 0,
        timeout: 1_000_000,
        duplicate: 0,
        reorder: 0,
        reorder_by: 50_000,
        corrupt: 0,
        burst: 0,
        burst_length: 1,
        in_flight: 0,
    }
}

fn send_all(link: &mut Link, decisions: &mut Decisions, handles: std::ops::Range<u64>) -> Vec<Delivery> {
    handles.flat_map(|handle| link.send(handle * 10, 100, handle, decisions, 0)).collect()
}

fn in_order(deliveries: &[Delivery]) -> bool {
    deliveries.windows(2).all(|pair| pair[0].handle < pair[1].handle && pair[0].at <= pair[1].at)
}

#[test]
fn a_stream_delivers_everything_once_and_in_order() {
    let mut link =
        Link::new(LinkSpec { loss: 1 << 30, duplicate: 1 << 31, reorder: 1 << 31, ..spec(Mode::Stream) });
    let out = send_all(&mut link, &mut Decisions::new(1), 0..500);
    assert_eq!(out.len(), 500);
    assert!(in_order(&out));
}

#[test]
fn a_loss_costs_a_stream_its_time_out_and_those_behind_wait() {
    let run = |loss| {
        let mut link = Link::new(LinkSpec { latency: Delay::constant(100), loss, ..spec(Mode::Stream) });
        send_all(&mut link, &mut Decisions::new(1), 0..2).iter().map(|d| d.at).collect::<Vec<_>>()
    };
    assert_eq!(run(0), [100, 110]);
    // Lost as often as the link allows.
    assert_eq!(run(1 << 32), [255_000_100, 255_000_110]);
}

#[test]
fn bandwidth_spaces_messages() {
    let mut link = Link::new(LinkSpec { latency: Delay::ZERO, bandwidth: 1_000_000, ..spec(Mode::Stream) });
    let out = send_all(&mut link, &mut Decisions::new(1), 0..3);
    assert_eq!(out.iter().map(|d| d.at).collect::<Vec<_>>(), [100_000, 200_000, 300_000]);
}

#[test]
fn a_cut_stream_holds_messages_until_the_heal() {
    let (mut link, mut decisions) = (Link::new(spec(Mode::Stream)), Decisions::new(1));
    let mut out = send_all(&mut link, &mut decisions, 0..5);
    assert!(link.set_cut(true, 50).is_empty());
    assert!(send_all(&mut link, &mut decisions, 5..10).is_empty());
    assert_eq!(link.held(), 5);
    let released = link.set_cut(false, 90_000);
    assert!(released.iter().all(|d| d.at >= 90_100));
    out.extend(released);
    out.extend(send_all(&mut link, &mut decisions, 10..15));
    assert_eq!(out.len(), 15);
    assert!(in_order(&out));
}

#[test]
fn a_cut_loses_datagrams_and_a_clog_holds_them() {
    let (mut link, mut decisions) = (Link::new(spec(Mode::Datagram)), Decisions::new(1));
    link.set_cut(true, 0);
    assert!(send_all(&mut link, &mut decisions, 0..5).is_empty());
    assert!(link.set_cut(false, 60).is_empty());
    link.set_clogged(true, 60);
    assert!(send_all(&mut link, &mut decisions, 5..10).is_empty());
    assert_eq!(link.set_clogged(false, 100).len(), 5);
}

#[test]
fn what_is_cut_and_clogged_waits_for_both_heals() {
    let (mut link, mut decisions) = (Link::new(spec(Mode::Stream)), Decisions::new(1));
    link.set_cut(true, 0);
    link.set_clogged(true, 0);
    send_all(&mut link, &mut decisions, 0..3);
    assert!(link.set_cut(false, 1).is_empty());
    assert_eq!(link.set_clogged(false, 2).len(), 3);
}

#[test]
fn a_reset_drops_what_is_under_way() {
    let (mut link, mut decisions) = (Link::new(spec(Mode::Stream)), Decisions::new(1));
    let stale = send_all(&mut link, &mut decisions, 0..1);
    link.set_cut(true, 1);
    send_all(&mut link, &mut decisions, 1..3);
    assert_eq!(link.reset(), [1, 2]);
    assert!(stale[0].era != link.era());
    assert!(link.set_cut(false, 2).is_empty());
    assert_eq!(send_all(&mut link, &mut decisions, 3..4)[0].era, link.era());
}

#[test]
fn datagrams_are_lost_duplicated_and_reordered() {
    let chances = LinkSpec { loss: 1 << 30, duplicate: 1 << 30, reorder: 1 << 30, ..spec(Mode::Datagram) };
    let mut link = Link::new(chances);
    let out = send_all(&mut link, &mut Decisions::new(1), 0..1_000);
    let mut counts = [0; 3];
    for handle in 0..1_000 {
        counts[out.iter().filter(|d| d.handle == handle).count()] += 1;
    }
    assert!(counts[0] > 150 && counts[1] > 400 && counts[2] > 100, "{counts:?}");
    assert!(!in_order(&out));
}

#[test]
fn corruption_carries_a_draw_for_the_bit() {
    let mut link = Link::new(LinkSpec { corrupt: 1 << 31, ..spec(Mode::Stream) });
    let out = send_all(&mut link, &mut Decisions::new(1), 0..100);
    let corrupt = out.iter().filter(|d| d.corrupt.is_some()).count();
    assert!((30..70).contains(&corrupt));
}

#[test]
fn cuts_do_not_shift_the_draws_of_later_messages() {
    let after = |cut: bool, mode| {
        let (mut link, mut decisions) =
            (Link::new(LinkSpec { loss: 1 << 28, ..spec(mode) }), Decisions::new(1));
        link.set_cut(cut, 0);
        send_all(&mut link, &mut decisions, 0..10);
        decisions.occurrences(sites::LATENCY, 0) + decisions.occurrences(sites::LOSS, 0)
    };
    for mode in [Mode::Stream, Mode::Datagram] {
        assert_eq!(after(false, mode), after(true, mode));
    }
}

#[test]
fn losses_come_in_bursts_of_about_the_mean_length() {
    let mut link = Link::new(LinkSpec { burst: 1 << 27, burst_length: 8, ..spec(Mode::Datagram) });
    let out = send_all(&mut link, &mut Decisions::new(1), 0..20_000);
    let there: std::collections::BTreeSet<u64> = out.iter().map(|d| d.handle).collect();
    let starts = (1..20_000).filter(|i| there.contains(&(i - 1)) && !there.contains(i)).count();
    let lost = 20_000 - there.len();
    assert!((400..800).contains(&starts), "{starts}");
    assert!((6..10).contains(&(lost / starts)), "{lost} in {starts}");
}

#[test]
fn a_burst_has_an_end() {
    let mut link = Link::new(LinkSpec { burst: 1 << 32, burst_length: 8, ..spec(Mode::Datagram) });
    let out = send_all(&mut link, &mut Decisions::new(1), 0..100_000);
    let longest = out.windows(2).map(|two| two[1].handle - two[0].handle - 1).max();
    assert_eq!(longest, Some(4 * 8));
}

#[test]
fn a_path_that_is_full_drops_datagrams_and_makes_a_stream_wait() {
    let run = |mode| {
        let limit = LinkSpec { latency: Delay::constant(1000), in_flight: 3, ..spec(mode) };
        let (mut link, mut decisions) = (Link::new(limit), Decisions::new(1));
        (0..8).flat_map(|h| link.send(0, 100, h, &mut decisions, 0)).map(|d| d.at).collect::<Vec<_>>()
    };
    assert_eq!(run(Mode::Datagram), [1000; 3]);
    assert_eq!(run(Mode::Stream), [1000, 1000, 1000, 2000, 2000, 2000, 3000, 3000]);
}
