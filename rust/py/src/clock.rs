//! The time of a run.

use std::sync::LazyLock;
use std::time::Instant;

use crate::faults::fault;
use crate::trio;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);
/// The processor's own counter, where it counts time and is the same on all cores; otherwise
/// another look at the clock. Half as dear as CLOCK_MONOTONIC, and not adjusted to it: what it
/// says is used for a millisecond at most. Made with the first step, which waits 0.6 ms for that.
static COUNTER: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);
const TRUSTED_NS: u64 = 1_000_000;

pub fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// A look at the clock, from which the counter goes on.
#[derive(Clone, Copy)]
pub struct Anchor {
    now_ns: u64,
    count: u64,
}

/// One look at a run's clock.
#[derive(Clone, Copy, Default)]
pub struct Moment {
    /// For figures, of which only differences matter.
    pub ns: u64,
    /// What a foreign clock said, in seconds: time limits are reckoned with it, as Trio does.
    said: f64,
}

/// Where a run's times come from.
pub enum Clock {
    /// CLOCK_MONOTONIC, which is also what Trio's default clock counts.
    Monotonic,
    /// Any other Trio clock, `MockClock` above all, so that tests see exact virtual times. It may
    /// begin anywhere, below zero or where its floats are coarser than nanoseconds: so these are
    /// counted from `origin`, which is its time as hocket was first used in this `trio.run`, the
    /// `era`th that has such a clock.
    Trio {
        clock: Py<PyAny>,
        origin: f64,
        era: u64,
    },
}

impl Clock {
    /// A foreign clock, that of the `trio.run` that we are in.
    pub fn foreign(py: Python<'_>, clock: Py<PyAny>) -> PyResult<Self> {
        let (era, origin) = trio::clock_origin(py)?.call1((&clock,))?.extract()?;
        Ok(Self::Trio { clock, origin, era })
    }

    /// Times of one era can be compared.
    pub fn era(&self) -> u64 {
        match self {
            Self::Monotonic => 0,
            Self::Trio { era, .. } => *era,
        }
    }

    pub fn now(&self, py: Python<'_>) -> PyResult<Moment> {
        fault!(py, ReadClock);
        match self {
            Self::Monotonic => Ok(Moment::of(START.elapsed().as_nanos() as u64)),
            Self::Trio { clock, origin, .. } => {
                let said = current_time(py, clock)?;
                let ns = since(*origin, said);
                Ok(Moment { ns, said })
            }
        }
    }

    pub fn now_ns(&self, py: Python<'_>) -> PyResult<u64> {
        self.now(py).map(|now| now.ns)
    }

    /// When a step that started then has to end. Deadlines are numbers in the order of time.
    pub fn deadline(&self, started: Moment, limit_ns: u64) -> u64 {
        match self {
            Self::Monotonic => started.ns.saturating_add(limit_ns),
            Self::Trio { .. } => rank(started.said + seconds(limit_ns)),
        }
    }

    /// The deadlines that have come are those up to this one.
    pub fn due(&self, now: Moment) -> u64 {
        match self {
            Self::Monotonic => now.ns,
            Self::Trio { .. } => rank(now.said),
        }
    }

    /// The deadline as Trio's clock will say it. A foreign clock's comes out exactly, so that it
    /// has come when Trio says so, however coarse the clock is.
    pub fn in_trio(&self, py: Python<'_>, deadline: u64) -> PyResult<f64> {
        match self {
            Self::Monotonic => {
                let left_ns = deadline.saturating_sub(self.now_ns(py)?);
                let now: f64 = trio::current_time(py)?.call0()?.extract()?;
                Ok(now + seconds(left_ns))
            }
            Self::Trio { .. } => Ok(unrank(deadline)),
        }
    }

    /// This time, for figures, as Trio's clock will say it: not before it has come by this one.
    pub fn moment_in_trio(&self, py: Python<'_>, ns: u64) -> PyResult<f64> {
        let Self::Trio { origin, .. } = self else {
            return self.in_trio(py, ns);
        };
        let mut at = origin + seconds(ns);
        while since(*origin, at) < ns {
            at = unrank(rank(at) + 1);
        }
        Ok(at)
    }

    /// The time now for a driver, which looks after every step: `anchor` is its last proper look.
    pub fn soon(&self, py: Python<'_>, anchor: &mut Option<Anchor>) -> PyResult<Moment> {
        if self.is_foreign() {
            return self.now(py);
        }
        let count = COUNTER.raw();
        // A machine that slept may count from zero again.
        if let Some(last) = anchor.filter(|last| last.count <= count) {
            let passed_ns = COUNTER.delta_as_nanos(last.count, count);
            if passed_ns < TRUSTED_NS {
                fault!(py, ReadClock);
                return Ok(Moment::of(last.now_ns + passed_ns));
            }
        }
        let now_ns = self.now_ns(py)?;
        *anchor = Some(Anchor { now_ns, count });
        Ok(Moment::of(now_ns))
    }

    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Monotonic => Self::Monotonic,
            Self::Trio { clock, origin, era } => Self::Trio {
                clock: clock.clone_ref(py),
                origin: *origin,
                era: *era,
            },
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Monotonic => Ok(()),
            Self::Trio { clock, .. } => visit.call(clock),
        }
    }

    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Trio { .. })
    }
}

impl Moment {
    fn of(ns: u64) -> Self {
        Self { ns, said: 0.0 }
    }
}

fn current_time(py: Python<'_>, clock: &Py<PyAny>) -> PyResult<f64> {
    let now = clock.bind(py).call_method0(intern!(py, "current_time"))?;
    now.extract()
}

fn since(origin: f64, said: f64) -> u64 {
    ((said - origin) * 1e9).round() as u64
}

/// A number for each float, in the same order: the bits of a positive one are so already.
fn rank(seconds: f64) -> u64 {
    // The two zeros are one.
    let bits = (seconds + 0.0).to_bits();
    match bits & SIGN {
        0 => bits | SIGN,
        _ => !bits,
    }
}

fn unrank(rank: u64) -> f64 {
    f64::from_bits(match rank & SIGN {
        0 => !rank,
        _ => rank & !SIGN,
    })
}

const SIGN: u64 = 1 << 63;
