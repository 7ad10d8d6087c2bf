//! A waiting line: first come, first served, and anyone may step out.

use crate::slab::{Key, Slab};

/// A place in a [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(Key);

/// First in, first out, with removal from anywhere, all in O(1): a doubly linked list.
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
    places: Slab<Place<T>>,
    first: Option<Key>,
    last: Option<Key>,
}

#[derive(Debug)]
struct Place<T> {
    who: T,
    before: Option<Key>,
    behind: Option<Key>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            places: Slab::default(),
            first: None,
            last: None,
        }
    }
}

impl<T> Line<T> {
    /// Stand at the end; the ticket is for [`Line::leave`].
    pub fn join(&mut self, who: T) -> Ticket {
        let before = self.last;
        let key = self.places.insert(Place {
            who,
            before,
            behind: None,
        });
        *self.behind(before) = Some(key);
        self.last = Some(key);
        Ticket(key)
    }

    /// Step out; false if that ticket has already been served.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.remove(ticket.0).is_some()
    }

    /// Serve the longest waiter.
    pub fn pop(&mut self) -> Option<T> {
        self.remove(self.first?)
    }

    /// The longest waiter.
    pub fn first(&self) -> Option<&T> {
        self.places.get(self.first?).map(|place| &place.who)
    }

    /// All that wait, the longest waiter first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let place = |key: Option<Key>| self.places.get(key?);
        let places = std::iter::successors(place(self.first), move |here| place(here.behind));
        places.map(|place| &place.who)
    }

    /// Stand before everybody; the ticket is for [`Line::leave`].
    pub fn join_first(&mut self, who: T) -> Ticket {
        let behind = self.first;
        let key = self.places.insert(Place {
            who,
            before: None,
            behind,
        });
        *self.before(behind) = Some(key);
        self.first = Some(key);
        Ticket(key)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.remove(key)?;
        *self.behind(place.before) = place.behind;
        *self.before(place.behind) = place.before;
        Some(place.who)
    }

    /// The place behind this one; behind none, the first in line.
    fn behind(&mut self, place: Option<Key>) -> &mut Option<Key> {
        match place.and_then(|key| self.places.get_mut(key)) {
            Some(place) => &mut place.behind,
            None => &mut self.first,
        }
    }

    /// The place before this one; before none, the last in line.
    fn before(&mut self, place: Option<Key>) -> &mut Option<Key> {
        match place.and_then(|key| self.places.get_mut(key)) {
            Some(place) => &mut place.before,
            None => &mut self.last,
        }
    }
}
