//! Which steps became ready when one settled.

use std::collections::TryReserveError;

/// Why a dependency list is not a graph that can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphError {
    /// A step names a dependency that does not exist.
    UnknownDependency {
        /// The step that names it.
        step: u32,
        /// The number it names.
        dependency: u32,
    },
    /// Some steps wait for one another; `step` is one of them.
    Cycle {
        /// A step of the cycle, or behind it.
        step: u32,
    },
    /// There is not enough memory for so many.
    OutOfMemory,
}

impl From<TryReserveError> for GraphError {
    fn from(_: TryReserveError) -> Self {
        Self::OutOfMemory
    }
}

/// In-degrees over a compact adjacency: twelve bytes a step and four a dependency.
///
/// ```
/// // 0 and 1 have no dependency; 2 waits for both.
/// let mut graph = hocket_core::Graph::new(&[vec![], vec![], vec![0, 1]]).unwrap();
/// assert_eq!(graph.roots().collect::<Vec<_>>(), [0, 1]);
/// let mut ready = vec![];
/// graph.settle(0, |step| ready.push(step));
/// assert!(ready.is_empty());
/// graph.settle(1, |step| ready.push(step));
/// assert_eq!(ready, [2]);
/// ```
#[derive(Debug)]
pub struct Graph {
    missing: Vec<u32>,
    first_dependent: Vec<u32>,
    dependents: Vec<u32>,
}

impl Graph {
    /// Build from each step's list of dependencies (a repeated one counts once).
    pub fn new(dependencies: &[Vec<u32>]) -> Result<Self, GraphError> {
        let n = dependencies.len();
        let mut unique = Vec::new();
        unique.try_reserve_exact(n)?;
        for list in dependencies {
            let mut list = copied(list)?;
            list.sort_unstable();
            list.dedup();
            unique.push(list);
        }
        let mut first_dependent = zeros(n + 1)?;
        for (step, list) in unique.iter().enumerate() {
            for &dependency in list {
                if dependency as usize >= n {
                    return Err(GraphError::UnknownDependency {
                        step: step as u32,
                        dependency,
                    });
                }
                first_dependent[dependency as usize + 1] += 1;
            }
        }
        for i in 0..n {
            first_dependent[i + 1] += first_dependent[i];
        }
        let mut cursor = copied(&first_dependent)?;
        let mut dependents = zeros(first_dependent[n] as usize)?;
        for (step, list) in unique.iter().enumerate() {
            for &dependency in list {
                let at = &mut cursor[dependency as usize];
                dependents[*at as usize] = step as u32;
                *at += 1;
            }
        }
        let mut missing = zeros(n)?;
        for (missing, list) in missing.iter_mut().zip(&unique) {
            *missing = list.len() as u32;
        }
        let graph = Self {
            missing,
            first_dependent,
            dependents,
        };
        graph.check_cycle()?;
        Ok(graph)
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.missing.len()
    }

    /// Whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// The steps that wait for nothing (more), in order.
    pub fn roots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.missing.len() as u32).filter(|&step| self.missing[step as usize] == 0)
    }

    /// This step has ended: call `ready` for each step that waited only for it.
    pub fn settle(&mut self, step: u32, mut ready: impl FnMut(u32)) {
        for at in self.range(step) {
            let dependent = self.dependents[at] as usize;
            self.missing[dependent] -= 1;
            if self.missing[dependent] == 0 {
                ready(dependent as u32);
            }
        }
    }

    fn range(&self, step: u32) -> std::ops::Range<usize> {
        let step = step as usize;
        self.first_dependent[step] as usize..self.first_dependent[step + 1] as usize
    }

    /// Kahn (1962), "Topological sorting of large networks": what cannot be ordered is a cycle.
    fn check_cycle(&self) -> Result<(), GraphError> {
        let mut missing = copied(&self.missing)?;
        let mut open = Vec::new();
        open.try_reserve_exact(self.len())?;
        open.extend(self.roots());
        let mut ordered = 0;
        while let Some(step) = open.pop() {
            ordered += 1;
            for at in self.range(step) {
                let dependent = self.dependents[at];
                missing[dependent as usize] -= 1;
                if missing[dependent as usize] == 0 {
                    open.push(dependent);
                }
            }
        }
        if ordered == self.len() {
            return Ok(());
        }
        let step = missing.iter().position(|&m| m > 0).unwrap_or_default() as u32;
        Err(GraphError::Cycle { step })
    }
}

fn zeros(n: usize) -> Result<Vec<u32>, TryReserveError> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(n)?;
    zeros.resize(n, 0);
    Ok(zeros)
}

fn copied(list: &[u32]) -> Result<Vec<u32>, TryReserveError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(list.len())?;
    copy.extend_from_slice(list);
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_refused() {
        let error = Graph::new(&[vec![], vec![2], vec![1]]).unwrap_err();
        assert_eq!(error, GraphError::Cycle { step: 1 });
    }

    #[test]
    fn an_unknown_dependency_is_refused() {
        let error = Graph::new(&[vec![5]]).unwrap_err();
        assert_eq!(
            error,
            GraphError::UnknownDependency {
                step: 0,
                dependency: 5
            }
        );
    }

    #[test]
    fn a_dependency_named_twice_counts_once() {
        let mut graph = Graph::new(&[vec![], vec![0, 0]]).unwrap();
        let mut ready = vec![];
        graph.settle(0, |step| ready.push(step));
        assert_eq!(ready, [1]);
    }
}
