//! Choices made by bytes. Knows numbers; does not know what is chosen.
//!
//! The same bytes always make the same choices, and where none are left the first of everything is chosen. So a property
//! test makes what it found smaller by leaving bytes out, and a fuzzer finds its way by changing them.

/// Bytes that have not yet been asked.
pub(crate) struct Choices<'a>(std::slice::Iter<'a, u8>);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    /// A number below `n`, which is at most 256.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % n)
    }

    /// True once in `n` times, and never when there is nothing left.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(crate) fn of<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[self.below(all.len())]
    }
}
