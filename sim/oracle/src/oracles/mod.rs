//! The oracles, one a file. Each looks at the judge's pictures and at one observation, and says what must not be.

pub(crate) mod agreement;
pub(crate) mod apply;
pub(crate) mod damage;
pub(crate) mod divergence;
pub(crate) mod durability;
pub(crate) mod fairness;
pub(crate) mod fencing;
pub(crate) mod held;
pub(crate) mod isolation;
pub(crate) mod liveness;
pub(crate) mod numbering;
pub(crate) mod nvram;
pub(crate) mod once;
pub(crate) mod prefix;
pub(crate) mod reads;
pub(crate) mod replies;
pub(crate) mod resync;
pub(crate) mod seals;
pub(crate) mod session;
pub(crate) mod steps;
