//! The ids of a group's steps.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet, PyString};

/// The id of each step: a text is its own id, anything else has an `id` that is one.
///
/// Returns the very list it was given when all steps are texts. `where` begins the messages.
#[pyfunction]
#[pyo3(signature = (steps, r#where))]
pub fn step_ids<'py>(steps: &Bound<'py, PyList>, r#where: &str) -> PyResult<Bound<'py, PyList>> {
    let py = steps.py();
    let seen = PySet::empty(py)?;
    let mut own_ids = true;
    for step in steps {
        own_ids &= step.is_exact_instance_of::<PyString>();
    }
    let ids = match own_ids {
        true => steps.clone(),
        false => PyList::empty(py),
    };
    for (index, step) in steps.iter().enumerate() {
        let id = match own_ids {
            true => step,
            false => {
                let id = id_of(&step, index, r#where)?;
                ids.append(&id)?;
                id
            }
        };
        seen.add(&id)?;
        // A second look costs nothing when the first one found no id twice.
        if seen.len() != index + 1 {
            let text = format!(
                "{where}: step id {} is there twice (again at index {index}). Results are kept \
                 by id, so every step needs one of its own.",
                id.repr()?,
                r#where = r#where,
            );
            return Err(PyValueError::new_err(text));
        }
    }
    Ok(ids)
}

fn id_of<'py>(step: &Bound<'py, PyAny>, index: usize, place: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = step.py();
    if step.is_exact_instance_of::<PyString>() {
        return Ok(step.clone());
    }
    let id = match step.is_instance_of::<PyString>() {
        true => step.str()?.into_any(),
        false => step.getattr_opt(intern!(py, "id"))?.unwrap_or_else(|| py.None().into_bound(py)),
    };
    if id.is_exact_instance_of::<PyString>() {
        return Ok(id);
    }
    let text = format!(
        "{place}: step {index} is {}, which is neither a text nor an object with a text as its \
         'id'. Give each step an id.",
        step.repr()?,
    );
    Err(PyTypeError::new_err(text))
}
