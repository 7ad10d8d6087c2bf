//! `hocket._core`: the Python binding of `hocket-core`, and the driver that runs step coroutines.
//!
//! Registration only; each noun has its file, and the only `unsafe` is in `ffi.rs`.

mod budget;
mod clock;
mod coroutine;
mod crew;
mod driver;
mod errors;
mod event;
mod exception;
mod faults;
mod feed;
mod ffi;
mod fork;
mod frames;
mod inside;
mod landing;
mod left;
mod leftovers;
mod nesting;
mod odd;
mod outcome;
mod overdue;
mod panics;
mod pattern;
mod pool;
mod portal;
mod rate;
mod released;
mod request;
mod rest;
mod retrying;
mod ring;
mod run;
mod runs;
mod seat;
mod slice;
mod step_ids;
mod tally;
mod threads;
mod trio;
mod wakes;
mod work;
mod worker;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    use super::*;

    #[pymodule_export]
    use crate::budget::Budget;
    #[pymodule_export]
    use crate::driver::Driver;
    #[cfg(feature = "faults")]
    #[pymodule_export]
    use crate::faults::{arm_fault, disarm_faults, passages, rules, set_rule};
    #[pymodule_export]
    use crate::feed::Feed;
    #[pymodule_export]
    use crate::landing::Landing;
    #[pymodule_export]
    use crate::pattern::Pattern;
    #[pymodule_export]
    use crate::pool::Pool;
    #[pymodule_export]
    use crate::rate::Rate;
    #[pymodule_export]
    use crate::released::Released;
    #[pymodule_export]
    use crate::ring::Ring;
    #[pymodule_export]
    use crate::run::Run;
    #[pymodule_export]
    use crate::step_ids::step_ids;
    #[pymodule_export]
    use crate::tally::Tally;
    #[pymodule_export]
    use crate::threads::{ThreadDriver, begin_blocking, end_blocking};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        if !ffi::is_main_interpreter(module.py()) {
            return Err(PyImportError::new_err(
                "hocket cannot be used in a sub-interpreter: it would share objects with the main \
                 one. Use a thread or a process with a trio.run of its own.",
            ));
        }
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("__debug_build__", cfg!(debug_assertions))?;
        module.add("LONGEST_WINDOW_NS", hocket_core::LONGEST_WINDOW_NS)?;
        module.add(
            "__all__",
            [
                "Driver",
                "Feed",
                "LONGEST_WINDOW_NS",
                "Landing",
                "Pattern",
                "Pool",
                "Rate",
                "Ring",
                "Run",
                "Tally",
                "ThreadDriver",
                "begin_blocking",
                "end_blocking",
                "step_ids",
            ],
        )?;
        fork::watch(module)
    }
}
