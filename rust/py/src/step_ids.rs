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
    let all_texts = steps
        .iter()
        .all(|step| step.is_exact_instance_of::<PyString>());
    let ids = match all_texts {
        true => steps.clone(),
        false => {
            let ids = PyList::empty(py);
            for (index, step) in steps.iter().enumerate() {
                ids.append(id_of(&step, index, r#where)?)?;
            }
            ids
        }
    };
    check_unique(&ids, r#where)?;
    Ok(ids)
}

/// Texts that are equal have equal hashes: only if two hashes are equal are the texts compared.
/// The hashes are kept in the texts, where the results' dict needs them anyway.
fn check_unique(ids: &Bound<'_, PyList>, place: &str) -> PyResult<()> {
    let hashes: PyResult<Vec<isize>> = ids.iter().map(|id| id.hash()).collect();
    if all_differ(&hashes?) {
        return Ok(());
    }
    let seen = PySet::empty(ids.py())?;
    for (index, id) in ids.iter().enumerate() {
        if seen.contains(&id)? {
            let text = format!(
                "{place}: step id {} is there twice (again at index {index}). Results are kept \
                 by id, so every step needs one of its own.",
                id.repr()?,
            );
            return Err(PyValueError::new_err(text));
        }
        seen.add(id)?;
    }
    Ok(())
}

/// A set of a million is a million cache misses. Most hashes have a bit of their own among sixteen
/// times as many, which fit in the cache, and only those that share one are compared.
fn all_differ(hashes: &[isize]) -> bool {
    let bits = (16 * hashes.len()).next_power_of_two().max(64);
    let place = |hash: isize| {
        let bit = hash as usize % bits;
        (bit / 64, 1_u64 << (bit % 64))
    };
    let mut taken = vec![0; bits / 64];
    let mut shared = vec![0; bits / 64];
    for &hash in hashes {
        let (word, bit) = place(hash);
        shared[word] |= taken[word] & bit;
        taken[word] |= bit;
    }
    let shares = |&hash: &isize| {
        let (word, bit) = place(hash);
        shared[word] & bit != 0
    };
    let mut sharing: Vec<isize> = hashes.iter().copied().filter(shares).collect();
    sharing.sort_unstable();
    sharing.windows(2).all(|two| two[0] != two[1])
}

fn id_of<'py>(step: &Bound<'py, PyAny>, index: usize, place: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = step.py();
    let id = match step.is_instance_of::<PyString>() {
        true => Some(step.clone()),
        false => step.getattr_opt(intern!(py, "id"))?,
    };
    if let Some(id) = id.as_ref().and_then(|id| id.cast::<PyString>().ok()) {
        // A text of a subclass (an enum's member, say) may be equal to others and look different.
        return match id.is_exact_instance_of::<PyString>() {
            true => Ok(id.clone().into_any()),
            false => Ok(PyString::new(py, id.to_str()?).into_any()),
        };
    }
    let text = format!(
        "{place}: step {index} is {}, which is neither a text nor an object with a text as its \
         'id'. Give each step an id.",
        step.repr()?,
    );
    Err(PyTypeError::new_err(text))
}
