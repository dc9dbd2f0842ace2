//! How much work all renderings of one plan may be together.
//!
//! A single text has its own limits (in `machine`), but a file can hold thousands of texts that each go up to them: a loop, or a variable
//! of half a mebibyte. What is allowed grows with the file, so that the time does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What any plan may use, in bytes taken, given and written; see `machine` for what else counts as how many.
const FREE: usize = 64 << 20;
/// What is added for each byte of the template.
const FOR_EACH_BYTE: usize = 64;

/// What is left for the renderings of one plan, shared by all copies. The default is as much as anybody wants: while builds run,
/// nothing is to fail because much was rendered before.
#[derive(Debug, Clone, Default)]
pub struct Work {
    left: Option<Arc<AtomicUsize>>,
}

impl Work {
    /// Enough for any template of this many bytes that is not made to take long.
    pub(crate) fn for_bytes(bytes: usize) -> Self {
        Self { left: Some(Arc::new(AtomicUsize::new(FREE.saturating_add(bytes.saturating_mul(FOR_EACH_BYTE))))) }
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.left.is_some()
    }

    pub(crate) fn left(&self) -> usize {
        self.left.as_ref().map_or(usize::MAX, |left| left.load(Ordering::Relaxed))
    }

    pub(crate) fn spend(&self, work: usize) {
        if let Some(left) = &self.left {
            left.store(self.left().saturating_sub(work), Ordering::Relaxed);
        }
    }
}
