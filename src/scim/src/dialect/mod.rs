//! How a request is read: strictly, and with which named leniencies. Knows what is granted and what was used; does not
//! know whose request it is.
//!
//! | part | answers |
//! |---|---|
//! | [`Leniency`] | which deviation, and who was seen to send it |
//! | [`Profile`] | which leniencies a provisioning client needs, under its name |
//! | [`Clues`], [`by_uses`] | which client this is |
//! | [`Dialect`] | one reading: what it may accept, and what it had to |

mod detect;
mod leniency;
mod profile;

use std::sync::atomic::{AtomicU32, Ordering};

pub use detect::{Clues, USES_TO_BE_SURE, by_uses};
pub use leniency::{Leniencies, Leniency};
pub use profile::{Profile, Setting, Stricture};

/// Not granted to a client that has not been recognised: without members or roles there are fewer than were meant, and
/// text that is JSON may be meant as it is written.
const UNSAFE_FOR_STRANGERS: [Leniency; 3] =
    [Leniency::PendingMember, Leniency::JsonInString, Leniency::UnknownRole];

/// How one request is read. Made for one request, and asked afterwards what the reading took.
#[derive(Debug)]
pub struct Dialect {
    name: Setting,
    granted: Leniencies,
    strictures: &'static [Stricture],
    used: AtomicU32,
}

impl Dialect {
    /// A dialect by its name.
    pub fn of(profile: Profile) -> Self {
        Self::new(Setting::Named(profile), profile.leniencies(), profile.strictures())
    }

    /// The RFCs and nothing else.
    pub fn strict() -> Self {
        Self::of(Profile::Rfc)
    }

    /// For a client that has not been recognised: every leniency under which nothing can be lost that is there, so that
    /// it shows how it speaks.
    pub fn undetected() -> Self {
        let safe = Leniency::ALL.into_iter().filter(|leniency| !UNSAFE_FOR_STRANGERS.contains(leniency));
        Self::new(Setting::Auto, safe.collect(), &[])
    }

    /// Exactly these leniencies.
    pub fn with(leniencies: impl IntoIterator<Item = Leniency>) -> Self {
        Self::new(Setting::Auto, leniencies.into_iter().collect(), &[])
    }

    fn new(name: Setting, granted: Leniencies, strictures: &'static [Stricture]) -> Self {
        Self { name, granted, strictures, used: AtomicU32::new(0) }
    }

    /// Is it this one?
    pub fn is(&self, profile: Profile) -> bool {
        self.name == Setting::Named(profile)
    }

    /// The name of the dialect, or `auto` for a client that has not been recognised.
    pub fn as_str(&self) -> &'static str {
        self.name.as_str()
    }

    /// May this deviation pass? Asked only where it is met: if it may, it counts as used.
    pub fn accepts(&self, leniency: Leniency) -> bool {
        let granted = self.granted.contains(leniency);
        if granted {
            self.used.fetch_or(Leniencies::NONE.and(leniency).bits(), Ordering::Relaxed);
        }
        granted
    }

    /// What is granted, used or not.
    pub fn grants(&self, leniency: Leniency) -> bool {
        self.granted.contains(leniency)
    }

    /// Is this asked for, beyond the RFCs?
    pub fn demands(&self, stricture: Stricture) -> bool {
        self.strictures.contains(&stricture)
    }

    /// Which leniencies the reading took so far.
    pub fn used(&self) -> Leniencies {
        Leniencies::from_bits(self.used.load(Ordering::Relaxed))
    }
}
