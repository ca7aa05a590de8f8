//! The judge over hand-built bytes: every oracle is seen green on a sound story and red on a planted fault.

mod claims;
mod contact;
mod damage;
mod encode;
mod fairness;
mod garbage;
mod ledger;
mod machine;
mod policies;
mod rig;
mod seals;
mod session;
mod sound;
mod steps;
mod tail;
