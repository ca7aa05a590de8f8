use crate::Scheduler;
use proptest::prelude::*;

fn drain(scheduler: &mut Scheduler<u32>) -> Vec<u32> {
    std::iter::from_fn(|| scheduler.next()).collect()
}

#[test]
fn earlier_events_come_first() {
    let mut scheduler = Scheduler::new();
    for (time, event) in [(30, 3), (10, 1), (20, 2), (0, 0)] {
        scheduler.at(time, event);
    }
    assert_eq!(drain(&mut scheduler), [0, 1, 2, 3]);
    assert_eq!(scheduler.now(), 30);
}

#[test]
fn ties_come_in_the_order_of_insertion() {
    let mut scheduler = Scheduler::new();
    for event in 0..100 {
        scheduler.at(5, event);
    }
    assert_eq!(drain(&mut scheduler), (0..100).collect::<Vec<_>>());
}

#[test]
fn what_was_put_in_before_its_time_goes_before_what_comes_now() {
    let mut scheduler = Scheduler::new();
    scheduler.at(5, 1);
    scheduler.at(5, 2);
    scheduler.at(6, 4);
    assert_eq!(scheduler.next(), Some(1));
    scheduler.at(5, 3);
    assert_eq!(drain(&mut scheduler), [2, 3, 4]);
}

#[test]
fn the_past_is_now() {
    let mut scheduler = Scheduler::new();
    scheduler.at(5, 1);
    scheduler.next();
    scheduler.at(2, 2);
    assert_eq!((scheduler.peek_time(), scheduler.len()), (Some(5), 1));
    assert_eq!((scheduler.next(), scheduler.now()), (Some(2), 5));
}

#[test]
fn what_waits_is_told_in_the_order_in_which_it_comes() {
    let mut scheduler = Scheduler::new();
    for (time, event) in [(9, 5), (5, 1), (5, 2), (7, 4)] {
        scheduler.at(time, event);
    }
    assert_eq!(scheduler.next(), Some(1));
    scheduler.at(5, 3);
    let told: Vec<_> = scheduler.waiting().into_iter().map(|(time, event)| (time, *event)).collect();
    assert_eq!(told, [(5, 2), (5, 3), (7, 4), (9, 5)]);
    assert_eq!(drain(&mut scheduler), [2, 3, 4, 5]);
}

proptest! {
    #[test]
    fn it_is_a_stable_sort_by_time(steps in prop::collection::vec((0_u64..20, 0_u32..3), 0..300)) {
        let mut scheduler = Scheduler::new();
        let mut model: Vec<(u64, usize)> = Vec::new();
        for (serial, (ahead, pops)) in steps.into_iter().enumerate() {
            let time = scheduler.now() + ahead;
            scheduler.at(time, serial);
            model.push((time, serial));
            for _ in 0..pops {
                model.sort();
                let expected = if model.is_empty() { None } else { Some(model.remove(0)) };
                prop_assert_eq!(scheduler.peek_time(), expected.map(|e| e.0));
                prop_assert_eq!(scheduler.next(), expected.map(|e| e.1));
                prop_assert_eq!(scheduler.len(), model.len());
            }
        }
    }
}
