//! What has become of one item of a stream: Python's `Outcome`, made without its `__init__`.
//!
//! A stream makes one for each item. The class is frozen, so that its `__init__` has to go round that for
//! each of eight fields, which costs more than a step that returns at once.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyType};

use crate::clock::seconds;
use crate::ffi::{self, Slot};

/// The figures of the attempt with which a step has ended.
#[derive(Clone, Copy)]
pub struct Figures {
    pub waited_ns: u64,
    pub ran_ns: u64,
    pub attempt: u32,
}

/// The class, and its fields in the order in which `make` gives them.
pub struct Shape {
    class: Py<PyType>,
    fields: Vec<Slot>,
}

const FIELDS: [&str; 8] = [
    "index", "id", "item", "value", "error", "wait", "duration", "attempts",
];

impl Shape {
    pub fn of(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let slots = FIELDS.iter().map(|name| Slot::of(class, name));
        Ok(Self {
            fields: slots.collect::<PyResult<_>>()?,
            class: class.clone().unbind(),
        })
    }
}

/// The outcome of an item whose step has returned, or failed.
pub fn make<'py>(
    shape: &Shape,
    index: u64,
    id: &Bound<'py, PyAny>,
    item: &Bound<'py, PyAny>,
    ended: Result<&Bound<'py, PyAny>, &PyErr>,
    figures: Figures,
) -> PyResult<Bound<'py, PyAny>> {
    let py = id.py();
    let none = py.None().into_bound(py);
    let (value, error) = match ended {
        Ok(value) => (value.clone(), none),
        Err(error) => (
            none,
            error.clone_ref(py).into_value(py).into_bound(py).into_any(),
        ),
    };
    let number = index.into_pyobject(py)?;
    let wait = PyFloat::new(py, seconds(figures.waited_ns));
    let duration = PyFloat::new(py, seconds(figures.ran_ns));
    let attempts = figures.attempt.into_pyobject(py)?;
    let values: [&Bound<'py, PyAny>; FIELDS.len()] = [
        &number, id, item, &value, &error, &wait, &duration, &attempts,
    ];
    let outcome = ffi::blank(shape.class.bind(py))?;
    for (field, value) in shape.fields.iter().zip(values) {
        field.set(&outcome, value)?;
    }
    Ok(outcome)
}
