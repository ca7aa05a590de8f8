//! Every row, an area a file.

mod apply;
mod corners;
mod destination;
mod failover;
mod log;
mod recovery;
mod resync;
mod session;
mod source;

use crate::Row;

const AREAS: &[&[Row]] = &[
    source::ROWS,
    destination::ROWS,
    log::ROWS,
    apply::ROWS,
    recovery::ROWS,
    session::ROWS,
    resync::ROWS,
    failover::ROWS,
    corners::ROWS,
];

const COUNT: usize = {
    let (mut count, mut area) = (0, 0);
    while area < AREAS.len() {
        count += AREAS[area].len();
        area += 1;
    }
    count
};

/// The areas' rows, one after the other.
pub(crate) const ALL: [Row; COUNT] = {
    let mut all = [AREAS[0][0]; COUNT];
    let (mut count, mut area) = (0, 0);
    while area < AREAS.len() {
        let mut row = 0;
        while row < AREAS[area].len() {
            all[count] = AREAS[area][row];
            count += 1;
            row += 1;
        }
        area += 1;
    }
    all
};
