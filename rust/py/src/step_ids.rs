//! The ids of a group's steps.

use std::collections::TryReserveError;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyString};

use crate::errors::out_of_memory;
use crate::odd;

/// The id of each step: what `key` makes of it, if there is one. Else a text is its own id, and of
/// anything else it is its attribute `id`, or its place as text. `where` is what messages call them.
///
/// Ids are plain texts. A text of a subclass becomes the one that it equals, so that the result is
/// found by both; one that equals none is refused.
///
/// Returns the very list it was given when all steps are their own ids.
#[pyfunction]
#[pyo3(signature = (steps, key, r#where))]
pub fn step_ids<'py>(
    steps: &Bound<'py, PyList>,
    key: Option<&Bound<'py, PyAny>>,
    r#where: &str,
) -> PyResult<Bound<'py, PyList>> {
    let is_text = |step: Bound<'_, PyAny>| step.is_exact_instance_of::<PyString>();
    let ids = match key {
        None if steps.iter().all(is_text) => steps.clone(),
        _ => {
            let ids = PyList::empty(steps.py());
            for (index, step) in steps.iter().enumerate() {
                ids.append(id_of(&step, index, key, r#where)?)?;
            }
            ids
        }
    };
    check_unique(steps, &ids, r#where)?;
    Ok(ids)
}

/// Texts that are equal have equal hashes: only if two hashes are equal are the texts compared.
/// The hashes are kept in the texts, where the results' dict needs them anyway.
fn check_unique(steps: &Bound<'_, PyList>, ids: &Bound<'_, PyList>, place: &str) -> PyResult<()> {
    let mut hashes = Vec::new();
    let reserved = hashes.try_reserve_exact(ids.len());
    reserved.map_err(out_of_memory)?;
    for id in ids {
        hashes.push(id.hash()?);
    }
    if all_differ(&hashes).map_err(out_of_memory)? {
        return Ok(());
    }
    let seen = PyDict::new(ids.py());
    for (index, id) in ids.iter().enumerate() {
        if let Some(first) = seen.get_item(&id)? {
            let noun = place.rsplit(": ").next().unwrap_or(place);
            let text = format!(
                "{place}[{first}] {} and {noun}[{index}] {} have the same id, {}. Results \
                 are kept by id, and what has none goes by its place: leave one of them out, or make \
                 ids that differ.",
                shown(&steps.get_item(first.extract()?)?)?,
                shown(&steps.get_item(index)?)?,
                shown(&id)?,
            );
            return Err(PyValueError::new_err(text));
        }
        seen.set_item(id, index)?;
    }
    Ok(())
}

/// A step as messages show it: its beginning, where it is long.
fn shown(step: &Bound<'_, PyAny>) -> PyResult<String> {
    const MOST: usize = 60;
    let text = odd::shown(step)?;
    Ok(match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    })
}

/// A set of a million is a million cache misses. Most hashes have a bit of their own among sixteen
/// times as many, which fit in the cache, and only those that share one are compared.
fn all_differ(hashes: &[isize]) -> Result<bool, TryReserveError> {
    let bits = (16 * hashes.len()).next_power_of_two().max(64);
    let place = |hash: isize| {
        let bit = hash as usize % bits;
        (bit / 64, 1_u64 << (bit % 64))
    };
    let mut taken = zeros(bits / 64)?;
    let mut shared = zeros(bits / 64)?;
    for &hash in hashes {
        let (word, bit) = place(hash);
        shared[word] |= taken[word] & bit;
        taken[word] |= bit;
    }
    let shares = |&hash: &isize| {
        let (word, bit) = place(hash);
        shared[word] & bit != 0
    };
    let mut sharing = Vec::new();
    for hash in hashes.iter().copied().filter(shares) {
        sharing.try_reserve(1)?;
        sharing.push(hash);
    }
    sharing.sort_unstable();
    Ok(sharing.windows(2).all(|two| two[0] != two[1]))
}

fn zeros(words: usize) -> Result<Vec<u64>, TryReserveError> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(words)?;
    zeros.resize(words, 0);
    Ok(zeros)
}

fn id_of<'py>(
    step: &Bound<'py, PyAny>,
    index: usize,
    key: Option<&Bound<'py, PyAny>>,
    place: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = step.py();
    let noted = |error: PyErr, what: &str| {
        // It may take none. Its traceback leads to the caller's own function all the same.
        odd::note_on(py)?.call1((error.value(py), format!("in {what} {place}[{index}]")))?;
        Err(error)
    };
    let (id, whose) = match key {
        Some(key) => match key.call1((step,)) {
            Ok(made) => (made, "key made"),
            Err(error) => return noted(error, "key, for"),
        },
        None if step.is_instance_of::<PyString>() => (step.clone(), "it is"),
        None => match odd::attribute(step, intern!(py, "id")) {
            Ok(Some(id)) => (id, "its attribute 'id' is"),
            Ok(None) => return Ok(PyString::new(py, &index.to_string()).into_any()),
            Err(error) => return noted(error, "the attribute 'id' of"),
        },
    };
    if id.is_exact_instance_of::<PyString>() {
        return Ok(id);
    }
    let what = if id.is_instance_of::<PyString>() {
        // A text of a subclass (an enum's member, say) may be equal to others and look different.
        let text = odd::plain_text(py)?.call1((&id,))?;
        if !text.is_none() {
            return Ok(text);
        }
        "a text that equals its plain text; results would not be found by this one, as its class \
         has an equality or a hash of its own"
    } else if id.is_instance_of::<PyInt>() && !id.is_instance_of::<PyBool>() {
        return odd::whole_number(py)?.call1((id,));
    } else {
        "a text or a whole number"
    };
    let text = format!(
        "{place}[{index}] {}: its id must be {what}; {whose} {}. Pass key=, a function that makes a \
         text of each step.",
        shown(step)?,
        shown(&id)?,
    );
    Err(PyTypeError::new_err(text))
}
