//! Why nothing starts, or why a slot goes through the line, as a set: for one look after every step.

/// What stands between a free slot and a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Closed(u8);

/// One of the reasons.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// Nothing may start, until the pool is resumed.
    Paused = 1,
    /// Nothing may start, until a time has come.
    Held = 2,
    /// Lanes wait for a rate: a slot that comes back may be theirs.
    Paced = 4,
}

impl Closed {
    pub fn set(&mut self, reason: Reason, holds: bool) {
        match holds {
            true => self.0 |= reason as u8,
            false => self.0 &= !(reason as u8),
        }
    }

    pub fn is(&self, reason: Reason) -> bool {
        self.0 & reason as u8 != 0
    }

    /// Whether anything may start at all.
    pub fn lets_start(&self) -> bool {
        self.0 & (Reason::Paused as u8 | Reason::Held as u8) == 0
    }

    pub fn is_nothing(&self) -> bool {
        self.0 == 0
    }
}
