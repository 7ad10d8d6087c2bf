//! The driver: a coroutine that runs one step after another inside one Trio task.
//!
//! From the bottom: [`contexts`], [`stretch`] and [`kept`] are parts of the driver's [`memory`], [`class`] is
//! the driver that keeps it, [`turn`] one resumption of the driver. Of a turn, [`settle`] is what is
//! done when a step has ended, [`again`] what a failed attempt is, [`judge`] what an end is, [`first`] its first segment, [`abandon`] the
//! way out when something fails, [`failure`] one that has to wait for Trio, and [`drive`] the loop.
//! [`give`] is a turn that another driver gives, [`carry`] is that driver, and [`resume`] a turn that
//! Trio gives. [`protocol`] is all that Python sees.

mod abandon;
mod again;
mod carry;
mod class;
mod contexts;
mod drive;
mod failure;
mod first;
mod give;
mod judge;
mod kept;
mod memory;
mod protocol;
mod resume;
mod settle;
mod stretch;
mod turn;

pub use class::Driver;
