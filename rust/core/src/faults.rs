//! For the reliability suite alone: places to strike, and rules to switch off.
//!
//! `fault!(Name)` is a place where a test may have something go wrong. `faults::holds(Rule::Name)`
//! asks whether a rule is in force: a test switches one off to show that the suite notices. Without
//! the feature `faults`, as hocket is shipped, nothing can be struck and every rule holds, at no cost.

/// A rule that keeps steps from harming each other. Tests switch one off to show what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A time limit strikes the very step that passed it: it is disarmed as the step ends.
    Generation,
    /// No step starts in a scope that was cancelled for another one.
    Dirty,
    /// A worker on which a step has left something open runs no other step.
    Retire,
    /// KeyboardInterrupt and its like are nobody's result.
    Fatal,
    /// A slot goes back once.
    Returned,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Generation,
        Self::Dirty,
        Self::Retire,
        Self::Fatal,
        Self::Returned,
    ];
}

#[cfg(not(feature = "faults"))]
mod off {
    /// Whether the rule holds: it does.
    #[inline(always)]
    pub const fn holds(_: super::Rule) -> bool {
        true
    }

    macro_rules! fault {
        ($boundary:ident) => {};
    }
    pub(crate) use fault;
}
#[cfg(not(feature = "faults"))]
pub(crate) use off::fault;
#[cfg(not(feature = "faults"))]
pub use off::holds;

#[cfg(feature = "faults")]
mod on {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::Rule;

    macro_rules! boundaries {
        ($($name:ident)*) => {
            /// Where something may go wrong, named for what is about to be done.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[allow(missing_docs)]
            pub enum Boundary { $($name),* }

            impl Boundary {
                /// All of them.
                pub const ALL: &[Self] = &[$(Self::$name),*];
            }
        };
    }

    boundaries! {
        // The scheduler's own, under its lock: only a panic can strike there.
        LockedOpen LockedNext LockedRequest LockedSettle LockedRelease LockedArm LockedClose
        // A run's life.
        Open Opened Driver Enter Entered Exit Closing
        // From one step to the next.
        Begin ReadClock Checkpoint Started Park Dismiss
        CopyContext EnterContext MakeCoroutine FirstSend Send
        Suspend Suspended Arm Alarm
        // A step's end.
        Leftovers Describe FreeSlot FreedSlot RecordValue RecordedValue RecordError RecordedError
        Tell Decide Stop Wake BringWorker Spawn Observe SitBack Retire Judge Judged
        // Turns that a driver gives others.
        GiveTurn GaveTurn
        // Functions in threads, and the clerk that does for them what only Trio's thread may do.
        CallFunction Attend
        // The watchdog.
        Look Fire
        // The core is about to give control back.
        Return
    }

    /// A fault that waits for its moment.
    struct Armed {
        boundary: Boundary,
        left: u64,
        id: usize,
    }

    struct Plan {
        passages: Vec<u64>,
        armed: Vec<Armed>,
    }

    static PLAN: Mutex<Plan> = Mutex::new(Plan {
        passages: Vec::new(),
        armed: Vec::new(),
    });
    static RULES_OFF: AtomicU32 = AtomicU32::new(0);

    fn plan() -> MutexGuard<'static, Plan> {
        let mut plan = PLAN.lock().unwrap_or_else(PoisonError::into_inner);
        plan.passages.resize(Boundary::ALL.len(), 0);
        plan
    }

    /// Strike at the nth passage from now on (the next one is the 0th).
    pub fn arm(boundary: Boundary, nth: u64, id: usize) {
        plan().armed.push(Armed {
            boundary,
            left: nth,
            id,
        });
    }

    /// Strike no more, and count passages from 0 again. Returns how many never struck.
    pub fn reset() -> usize {
        let mut plan = plan();
        plan.passages.clear();
        std::mem::take(&mut plan.armed).len()
    }

    /// How often a boundary was passed.
    pub fn passages(boundary: Boundary) -> u64 {
        plan().passages[boundary as usize]
    }

    /// A boundary is passed: the fault that strikes now, if one does.
    pub fn pass(boundary: Boundary) -> Option<usize> {
        let mut plan = plan();
        plan.passages[boundary as usize] += 1;
        let mut struck = None;
        plan.armed.retain_mut(|armed| {
            if armed.boundary != boundary || struck.is_some() {
                return true;
            }
            let now = armed.left == 0;
            struck = now.then_some(armed.id);
            armed.left = armed.left.saturating_sub(1);
            !now
        });
        struck
    }

    /// A panic that does not print: there are thousands.
    pub fn panic_at(boundary: Boundary) -> ! {
        std::panic::resume_unwind(Box::new(format!("a fault at {boundary:?}")))
    }

    /// Whether the rule holds.
    pub fn holds(rule: Rule) -> bool {
        RULES_OFF.load(Ordering::Relaxed) & (1 << rule as u32) == 0
    }

    /// Switch a rule off, or on again.
    pub fn set(rule: Rule, holds: bool) {
        let bit = 1 << rule as u32;
        match holds {
            true => RULES_OFF.fetch_and(!bit, Ordering::Relaxed),
            false => RULES_OFF.fetch_or(bit, Ordering::Relaxed),
        };
    }

    macro_rules! fault {
        ($boundary:ident) => {
            if $crate::faults::pass($crate::faults::Boundary::$boundary).is_some() {
                $crate::faults::panic_at($crate::faults::Boundary::$boundary);
            }
        };
    }
    pub(crate) use fault;
}
#[cfg(feature = "faults")]
pub(crate) use on::fault;
#[cfg(feature = "faults")]
pub use on::{Boundary, arm, holds, panic_at, pass, passages, reset, set};
