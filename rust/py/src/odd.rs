//! Objects of the caller's, whose own methods may raise: how they are read, shown and marked.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::lookup;

lookup!(split, "hocket._base.exceptions", "split");
lookup!(note_on, "hocket._base.exceptions", "note_on");
lookup!(shown_in_python, "hocket._base.shown", "shown");
lookup!(plain_text, "hocket._base.checks", "plain_text");
lookup!(whole_number, "hocket._base.checks", "whole_number");

/// Its `repr`, or what it is where that raises.
pub fn shown(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(shown_in_python(value.py())?.call1((value,))?.to_string())
}

/// An attribute; None if there is no such thing. A property whose own code lacks some attribute
/// is there, and has failed.
pub fn attribute<'py>(
    value: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(found) = value.getattr_opt(name)? {
        return Ok(Some(found));
    }
    for class in value.get_type().mro().iter() {
        if class
            .getattr(intern!(value.py(), "__dict__"))?
            .contains(name)?
        {
            return value.getattr(name).map(Some);
        }
    }
    Ok(None)
}
