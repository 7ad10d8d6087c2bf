//! Where the steps of a stream land: which item is at which place, how many more may be taken, and what
//! has become of those that were not handed out yet.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, MutexGuard};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};

use crate::errors::{self, out_of_memory};
use crate::outcome::{self, Figures, Shape};
use crate::panics::lock;

/// So many outcomes are handed out without a checkpoint at most: others are to have their turn.
const STREAK: u32 = 32;
/// So many items are taken without one at most.
const STRETCH: u64 = 256;

/// What is behind the landing's lock.
struct Books {
    /// The places that no item has.
    free: Vec<u32>,
    /// Which item each place has, or had: its index.
    indices: Vec<u64>,
    taken: u64,
    /// How many more may be taken: as many as there are places, but for those that are taken and not
    /// handed out.
    room: usize,
    /// What is to be handed out. In order it begins with the item `first`, and has a gap for each that
    /// has not landed.
    queue: VecDeque<Option<Py<PyAny>>>,
    first: u64,
    /// How many may be handed out before there has to be a checkpoint.
    streak: u32,
    /// Whether nothing is handed out any more.
    stopped: bool,
}

/// An item was taken.
pub struct Taken {
    pub place: u32,
    pub index: u64,
    /// Whether one more may be taken at once.
    pub goes_on: bool,
}

/// Of one run that is fed.
#[pyclass(frozen, module = "hocket._core")]
pub struct Landing {
    /// Never locked while Python code can run.
    books: Mutex<Books>,
    /// What outcomes are made of.
    shape: Shape,
    ordered: bool,
    /// Whether values are kept, in order, and nothing is handed out: then an item makes room as it lands.
    keeps: bool,
    /// Where an error is no outcome like others: takes the outcomes of those that have failed. The
    /// first one stops the stream.
    failures: Option<Py<PyList>>,
    /// Is called as something may be handed out where nothing could be.
    on_landed: Option<Py<PyAny>>,
    /// Is called as there is room where there was none.
    on_room: Option<Py<PyAny>>,
}

#[pymethods]
impl Landing {
    #[new]
    #[pyo3(signature = (places, outcome, *, ordered=false, keeps=false, failures=None, on_landed=None, on_room=None))]
    fn new(
        places: u32,
        outcome: &Bound<'_, PyType>,
        ordered: bool,
        keeps: bool,
        failures: Option<Py<PyList>>,
        on_landed: Option<Py<PyAny>>,
        on_room: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let room = places as usize;
        let (mut free, mut indices) = (Vec::new(), Vec::new());
        free.try_reserve_exact(room).map_err(out_of_memory)?;
        indices.try_reserve_exact(room).map_err(out_of_memory)?;
        free.extend(0..places);
        indices.resize(room, 0);
        let books = Books {
            free,
            indices,
            taken: 0,
            room,
            queue: VecDeque::new(),
            first: 0,
            streak: STREAK,
            stopped: false,
        };
        Ok(Self {
            books: Mutex::new(books),
            shape: Shape::of(outcome)?,
            ordered: ordered || keeps,
            keeps,
            failures,
            on_landed,
            on_room,
        })
    }

    /// How many items were taken.
    #[getter]
    fn taken(&self) -> u64 {
        self.books().taken
    }

    /// How many more may be taken now.
    #[getter]
    pub fn room(&self) -> usize {
        self.books().room
    }

    /// Whether an outcome may be handed out.
    #[getter]
    fn is_ready(&self) -> bool {
        self.may_hand_out(&self.books())
    }

    /// Whether nothing is handed out any more.
    #[getter]
    fn stopped(&self) -> bool {
        self.books().stopped
    }

    /// Hand out nothing more.
    fn stop(&self) {
        self.books().stopped = true;
    }

    /// Hand out the next outcome. None: there is none, or the consumer has had so many in a row that
    /// others are to have their turn first.
    fn pop(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut books = self.books();
        if books.streak == 0 || !self.may_hand_out(&books) {
            return Ok(None);
        }
        let outcome = books.queue.pop_front().flatten();
        books.first += 1;
        books.streak -= 1;
        let ring = books.make_room(&self.on_room);
        drop(books);
        call(py, ring)?;
        Ok(outcome)
    }

    /// The same for a consumer that has let others have their turn.
    fn pop_rested(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.books().streak = STREAK;
        self.pop(py)
    }

    /// Empty the queue, and return what was in it, with this for each gap.
    fn rest<'py>(&self, gap: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let py = gap.py();
        let queue = mem::take(&mut self.books().queue);
        let found = queue.into_iter().map(|found| match found {
            Some(found) => found.into_bound(py),
            None => gap.clone(),
        });
        PyList::new(py, found)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(books) = self.books.try_lock() {
            for outcome in books.queue.iter().flatten() {
                visit.call(outcome)?;
            }
        }
        visit.call(&self.failures)?;
        visit.call(&self.on_landed)?;
        visit.call(&self.on_room)
    }
}

impl Landing {
    fn may_hand_out(&self, books: &Books) -> bool {
        let has_next = books.queue.front().is_some_and(Option::is_some);
        has_next && !self.keeps && !books.stopped
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }

    /// One more item is taken.
    pub fn take(&self, py: Python<'_>) -> PyResult<Taken> {
        let mut books = self.books();
        let (Some(place), Some(room)) = (books.free.pop(), books.room.checked_sub(1)) else {
            drop(books);
            return Err(errors::internal(
                py,
                "an item was taken without room for it",
            ));
        };
        let index = books.taken;
        books.indices[place as usize] = index;
        books.taken += 1;
        books.room = room;
        Ok(Taken {
            place,
            index,
            goes_on: room > 0 && books.taken % STRETCH != 0,
        })
    }

    /// The step at a place has returned, or failed: its place is free again. `steps` are the items by
    /// their places.
    pub fn land<'py>(
        &self,
        steps: &Bound<'py, PyList>,
        place: u32,
        id: &Bound<'py, PyAny>,
        ended: Result<&Bound<'py, PyAny>, &PyErr>,
        figures: Figures,
    ) -> PyResult<()> {
        let py = id.py();
        let at = place as usize;
        let item = steps.get_item(at)?;
        let index = self.books().indices[at];
        let landed = match ended {
            Ok(value) if self.keeps => value.clone(),
            _ => outcome::make(&self.shape, index, id, &item, ended, figures)?,
        };
        steps.set_item(at, py.None())?;
        let mut books = self.books();
        books.free.push(place);
        if let (Err(_), Some(failures)) = (ended, &self.failures) {
            books.stopped = true;
            drop(books);
            return failures.bind(py).append(landed);
        }
        let behind = match self.ordered {
            true => (index - books.first) as usize,
            false => books.queue.len(),
        };
        books.put(behind, &landed)?;
        let ring = match self.keeps {
            true => books.make_room(&self.on_room),
            false => self.on_landed.as_ref().filter(|_| behind == 0),
        };
        drop(books);
        call(py, ring)
    }
}

impl Books {
    /// Put something into the queue, behind so many others.
    fn put(&mut self, behind: usize, what: &Bound<'_, PyAny>) -> PyResult<()> {
        if behind >= self.queue.len() {
            let more = behind + 1 - self.queue.len();
            self.queue.try_reserve(more).map_err(out_of_memory)?;
            self.queue.resize_with(behind + 1, || None);
        }
        self.queue[behind] = Some(what.clone().unbind());
        Ok(())
    }

    /// One more may be taken. Returns whom to tell, if there was no room before.
    fn make_room<'a>(&mut self, on_room: &'a Option<Py<PyAny>>) -> Option<&'a Py<PyAny>> {
        let had_none = self.room == 0;
        self.room += 1;
        on_room.as_ref().filter(|_| had_none)
    }
}

fn call(py: Python<'_>, function: Option<&Py<PyAny>>) -> PyResult<()> {
    function.map_or(Ok(()), |function| function.call0(py).map(drop))
}
