//! `hocket._core`: the Python binding of `hocket-core`, and the driver that runs step coroutines.
//!
//! Registration only; each noun has its file, and the only `unsafe` is in `ffi.rs`.

mod clock;
mod driver;
mod errors;
mod ffi;
mod fork;
mod pool;
mod run;
mod steps;
mod trio;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    use super::*;

    #[pymodule_export]
    use crate::driver::{Driver, in_first_segment};
    #[pymodule_export]
    use crate::pool::Pool;
    #[pymodule_export]
    use crate::run::Run;
    #[pymodule_export]
    use crate::steps::step_ids;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("__debug_build__", cfg!(debug_assertions))?;
        module.add(
            "__all__",
            ["Driver", "Pool", "Run", "in_first_segment", "step_ids"],
        )?;
        fork::watch(module)
    }
}
