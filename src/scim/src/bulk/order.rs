//! In which order the operations are done. Knows who refers to whom; does not know what is done.
//!
//! RFC 7644 §3.7: "the service provider MUST ensure that the client's intent is preserved and the same stateful result is
//! achieved as for non-optimized processing." Operations keep the order of the request, save that a resource is created
//! before the first operation that refers to it. Resources that refer to each other in a circle are created together.

use std::collections::HashMap;

use super::{Ask, BulkRequest, references};

/// What is done next; operations by their places in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One operation. All that it refers to was done before.
    One(usize),
    /// Operations that create resources, each of which refers to all others, if only through them.
    Circle(Vec<usize>),
}

impl BulkRequest {
    /// Every operation once, in an order in which it can be done.
    pub fn steps(&self) -> Vec<Step> {
        let mut search =
            Search { needs: self.needs(), marks: HashMap::new(), path: Vec::new(), steps: Vec::new() };
        for n in 0..self.operations.len() {
            if !search.marks.contains_key(&n) {
                search.visit(n);
            }
        }
        search.steps
    }

    /// For each operation, the operations that create what it refers to.
    fn needs(&self) -> Vec<Vec<usize>> {
        let creates =
            self.operations.iter().enumerate().filter(|(_, it)| matches!(it.ask, Ok(Ask::Create { .. })));
        let creator: HashMap<&str, usize> =
            creates.filter_map(|(n, it)| Some((it.heading.bulk_id.as_deref()?, n))).collect();
        let is_known = |name: &str| creator.contains_key(name);
        let needs = self.operations.iter().map(|operation| {
            let names = operation.ask.as_ref().map(|ask| references::of(ask, &is_known)).unwrap_or_default();
            names.iter().filter_map(|name| creator.get(name.as_str()).copied()).collect()
        });
        needs.collect()
    }
}

/// Tarjan's search for strongly connected components, which come out in the order in which they can be done. It goes no
/// deeper than a request has operations.
struct Search {
    needs: Vec<Vec<usize>>,
    marks: HashMap<usize, Mark>,
    path: Vec<usize>,
    steps: Vec<Step>,
}

#[derive(Clone, Copy)]
struct Mark {
    /// When it was met.
    met: usize,
    on_path: bool,
}

impl Search {
    /// The earliest that is reached from `n` and still on the path.
    fn visit(&mut self, n: usize) -> usize {
        let met = self.marks.len();
        self.marks.insert(n, Mark { met, on_path: true });
        self.path.push(n);
        let needs = self.needs.get_mut(n).map(std::mem::take).unwrap_or_default();
        let mut reaches = met;
        for need in &needs {
            reaches = reaches.min(match self.marks.get(need) {
                None => self.visit(*need),
                Some(mark) if mark.on_path => mark.met,
                Some(_) => continue,
            });
        }
        if reaches == met {
            self.complete(n, needs.contains(&n));
        }
        reaches
    }

    /// Everything on the path from `first` on is a circle; alone, it is one if it refers to itself.
    fn complete(&mut self, first: usize, refers_to_itself: bool) {
        let from = self.path.iter().rposition(|n| *n == first).unwrap_or_default();
        let mut circle = self.path.split_off(from);
        for n in &circle {
            if let Some(mark) = self.marks.get_mut(n) {
                mark.on_path = false;
            }
        }
        circle.sort_unstable();
        self.steps.push(match circle.as_slice() {
            [one] if !refers_to_itself => Step::One(*one),
            _ => Step::Circle(circle),
        });
    }
}
