//! Units: time, probabilities, delays.

/// Nanoseconds of virtual time.
pub type Nanos = u64;

/// A probability in units of 2^-32; `Chance(1 << 32)` is certainty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Chance(pub u64);

impl Chance {
    /// Never.
    pub const NEVER: Chance = Chance(0);
    /// Always.
    pub const ALWAYS: Chance = Chance(1 << 32);
}

/// A delay: `min` plus a draw by `shape`; never above `max`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay {
    /// Least.
    pub min: Nanos,
    /// Mean (used by `Exponential`).
    pub mean: Nanos,
    /// Greatest.
    pub max: Nanos,
    /// How values are spread.
    pub shape: Shape,
}

/// The distribution of a [`Delay`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Always `min`.
    Constant,
    /// Uniform in `min..=max`.
    Uniform,
    /// `min` + exponential with mean `mean - min`, cut at `max`.
    Exponential,
}
