//! How long something takes.

use crate::fixed::{LOG_BITS, minus_ln};

/// A distribution of durations in nanoseconds. Make sure that `min <= mean <= max`; what is not so is clipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay {
    /// Least, ns.
    pub min: u64,
    /// Mean before the cut at `max`, ns; only used by [`Shape::Exponential`].
    pub mean: u64,
    /// Greatest, ns.
    pub max: u64,
    /// How values are spread.
    pub shape: Shape,
}

/// How the values of a [`Delay`] are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Always `min`; draws nothing.
    Constant,
    /// Every nanosecond of `min..=max` equally likely.
    Uniform,
    /// `min` plus an exponential with mean `mean - min`, cut at `max`.
    Exponential,
}

impl Delay {
    /// No time at all.
    pub const ZERO: Delay = Delay::constant(0);

    /// Always `ns`.
    pub const fn constant(ns: u64) -> Self {
        Delay { min: ns, mean: ns, max: ns, shape: Shape::Constant }
    }

    /// Uniform in `min..=max` ns.
    pub const fn uniform(min: u64, max: u64) -> Self {
        Delay { min, mean: min + max.saturating_sub(min) / 2, max, shape: Shape::Uniform }
    }

    /// `min` plus an exponential with mean `mean - min`, cut at `max`; all in ns.
    pub const fn exponential(min: u64, mean: u64, max: u64) -> Self {
        Delay { min, mean, max, shape: Shape::Exponential }
    }

    /// Whether a value costs a draw.
    #[inline]
    pub fn draws(&self) -> bool {
        self.shape != Shape::Constant && self.max > self.min
    }

    /// The value (ns) that belongs to a draw.
    #[inline]
    pub fn value(&self, draw: u64) -> u64 {
        match self.shape {
            Shape::Constant => self.min,
            _ if self.max <= self.min => self.min,
            Shape::Uniform => {
                let span = u128::from(self.max - self.min) + 1;
                self.min + ((u128::from(draw) * span) >> 64) as u64
            }
            Shape::Exponential => {
                let mean = self.mean.saturating_sub(self.min);
                let extra = (u128::from(mean) * u128::from(minus_ln(draw))) >> LOG_BITS;
                self.min + extra.min(u128::from(self.max - self.min)) as u64
            }
        }
    }
}
