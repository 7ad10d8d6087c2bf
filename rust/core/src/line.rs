//! A waiting line: first come, first served, and anyone may step out.

use std::collections::BTreeMap;

/// A place in a [`Line`].
pub type Ticket = u64;

/// First in, first out, with removal from anywhere in O(log n).
///
/// ```
/// let mut line = hocket_core::Line::default();
/// let _a = line.join('a');
/// let b = line.join('b');
/// let _c = line.join('c');
/// line.leave(b);
/// assert_eq!(line.pop(), Some('a'));
/// assert_eq!(line.pop(), Some('c'));
/// assert_eq!(line.pop(), None);
/// ```
#[derive(Debug)]
pub struct Line<T> {
    next: Ticket,
    waiting: BTreeMap<Ticket, T>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
        }
    }
}

impl<T> Line<T> {
    /// Stand at the end; the ticket is for [`Line::leave`].
    pub fn join(&mut self, who: T) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.waiting.insert(ticket, who);
        ticket
    }

    /// Step out; false if that ticket has already been served.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.waiting.remove(&ticket).is_some()
    }

    /// Serve the longest waiter.
    pub fn pop(&mut self) -> Option<T> {
        self.waiting.pop_first().map(|(_, who)| who)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
