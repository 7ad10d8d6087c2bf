//! The driver: a coroutine that runs one step after another inside one Trio task.
//!
//! From the bottom: [`contexts`] and [`stretch`] are parts of the driver's [`memory`], [`class`] is
//! the driver that keeps it, [`turn`] one resumption of the driver. Of a turn, [`settle`] is what is
//! done when a step has ended, [`again`] what a failed attempt is, [`judge`] what an end is, [`first`] its first segment, [`abandon`] the way out when
//! something fails, [`failure`] one that has to wait for Trio, and [`drive`] the loop. [`protocol`] is all that Python sees.

mod abandon;
mod again;
mod class;
mod contexts;
mod drive;
mod failure;
mod first;
mod judge;
mod memory;
mod protocol;
mod settle;
mod stretch;
mod turn;

pub use class::Driver;
