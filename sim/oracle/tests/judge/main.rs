//! The judge over hand-built bytes: every oracle is seen green on a sound story and red on a planted fault.

mod damage;
mod encode;
mod garbage;
mod rig;
mod sound;
mod steps;
