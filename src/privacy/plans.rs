//! The plans of all callsites, found by the address of a callsite's metadata.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use tracing::Metadata;

use super::plan::{Origin, Plan, address};
use super::policy::{Policy, TimeUnit};

/// The plans of all callsites seen: append-only, read without a lock.
///
/// Open addressing in segments that double in size; a callsite that finds no place in the last one gets no plan, and
/// its records are lost, and counted as such: that takes more than ten thousand callsites.
pub(crate) struct Plans {
    policy: Policy,
    /// Where plans are made. A forked child may have inherited one that is being put in its place, for ever.
    process: u32,
    times: Option<TimeUnit>,
    segments: [OnceLock<Box<[Slot]>>; SEGMENTS],
}

type Slot = OnceLock<Arc<Plan>>;

/// Why a callsite has no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unplanned {
    /// It lies beyond all places.
    NoPlace,
    /// It is new, and this is a forked child.
    Forked,
    /// Making the plan panicked. It is not tried again.
    Panic,
}

const SEGMENTS: usize = 5;
const FIRST_SEGMENT: usize = 1024;
/// Slots looked at in a segment.
const PROBES: usize = 8;

impl Plans {
    pub(crate) fn new(policy: Policy) -> Self {
        let times = policy.record_times();
        Plans { policy, process: std::process::id(), times, segments: Default::default() }
    }

    /// The plan of a callsite, made now if it is new. `origin` is asked only then, and again where another callsite was
    /// quicker to take the place.
    ///
    /// # Errors
    /// There is none, and never will be.
    #[inline]
    pub(crate) fn plan(
        &self,
        metadata: &'static Metadata<'static>,
        origin: impl Fn(&Metadata<'_>) -> Origin,
    ) -> Result<&Arc<Plan>, Unplanned> {
        let address = address(metadata);
        if let Some(slots) = self.segments[0].get()
            && let Some(plan) = slots[spread(address) & (slots.len() - 1)].get()
            && plan.is_of(address)
        {
            return Ok(plan);
        }
        self.search(metadata, origin)
    }

    /// The same where the plan is not in its first place.
    #[cold]
    fn search(
        &self,
        metadata: &'static Metadata<'static>,
        origin: impl Fn(&Metadata<'_>) -> Origin,
    ) -> Result<&Arc<Plan>, Unplanned> {
        let address = address(metadata);
        for (number, segment) in self.segments.iter().enumerate() {
            let slots = match segment.get() {
                Some(slots) => slots,
                None if self.is_home() => {
                    segment.get_or_init(|| (0..FIRST_SEGMENT << number).map(|_| Slot::new()).collect())
                }
                None => return Err(Unplanned::Forked),
            };
            for probe in 0..PROBES {
                let place = (spread(address) + probe) & (slots.len() - 1);
                let slot = &slots[place];
                let plan = match slot.get() {
                    Some(plan) => plan,
                    None if !self.is_home() => return Err(Unplanned::Forked),
                    None => {
                        let id = ((number as u32) << 24) | place as u32;
                        // Built before the slot is touched: nothing of this can be seen half done.
                        let plan = || Plan::new(id, metadata, &self.policy, origin(metadata));
                        // It is the host's thread: a panic of ours must not become the application's.
                        let plan = catch_unwind(AssertUnwindSafe(plan));
                        let plan = Arc::new(plan.unwrap_or_else(|_| Plan::failed(id, metadata)));
                        slot.get_or_init(|| plan)
                    }
                };
                if plan.is_of(address) {
                    return Ok(plan);
                }
                if plan.failed_for(address) {
                    return Err(Unplanned::Panic);
                }
            }
        }
        Err(Unplanned::NoPlace)
    }

    fn is_home(&self) -> bool {
        std::process::id() == self.process
    }

    /// The plan of a callsite, if it was made.
    pub(crate) fn find(&self, metadata: &Metadata<'_>) -> Option<&Arc<Plan>> {
        let address = std::ptr::from_ref(metadata).addr();
        for segment in &self.segments {
            let slots = segment.get()?;
            for probe in 0..PROBES {
                let plan = slots[(spread(address) + probe) & (slots.len() - 1)].get()?;
                if plan.is_of(address) {
                    return Some(plan);
                }
            }
        }
        None
    }

    /// The plan that a record names.
    pub(crate) fn get(&self, id: u32) -> Option<&Plan> {
        let slots = self.segments.get((id >> 24) as usize)?.get()?;
        slots.get((id & 0x00ff_ffff) as usize)?.get().map(|plan| &**plan)
    }

    /// What the times of records are rounded to.
    #[inline]
    pub(crate) fn times(&self) -> Option<TimeUnit> {
        self.times
    }

    /// Every plan made so far.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.segments
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|slots| slots.iter())
            .filter_map(|slot| slot.get())
            .map(|plan| &**plan)
    }
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plans").field("count", &self.iter().count()).finish()
    }
}

/// Statics lie close together: mix their addresses before the low bits choose a slot.
#[inline]
fn spread(address: usize) -> usize {
    (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(40) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::privacy::format::Shape;
    use crate::privacy::policy::tests::properties::callsite;

    #[test]
    fn a_plan_that_cannot_be_made_is_tried_once_and_costs_no_other_callsite() {
        let (broken, good) = (callsite("user_id", Shape::Event), callsite("shop", Shape::Event));
        let (plans, asked) = (Plans::new(Policy::standard()), AtomicUsize::new(0));
        let plan = || {
            plans.plan(broken, |_| {
                asked.fetch_add(1, Ordering::Relaxed);
                std::panic::resume_unwind(Box::new("a defect"))
            })
        };
        for _ in 0..3 {
            assert_eq!(plan().err(), Some(Unplanned::Panic));
            assert!(plans.find(broken).is_none());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(plans.plan(good, |_| Origin::Admitted).is_ok());
    }

    #[test]
    fn a_callsite_is_decided_once_however_often_and_from_wherever_it_logs() {
        const THREADS: usize = 4;
        let metadata = callsite("user_id", Shape::Event);
        let (plans, asked, barrier) = (Plans::new(Policy::standard()), AtomicUsize::new(0), Barrier::new(THREADS));
        let plan_once = || {
            plans.plan(metadata, |_| {
                asked.fetch_add(1, Ordering::Relaxed);
                Origin::Admitted
            })
        };
        let seen: Vec<&Arc<Plan>> = std::thread::scope(|scope| {
            let log = || {
                barrier.wait();
                let first = plan_once().expect("there is room");
                (1..1000).for_each(|_| assert!(Arc::ptr_eq(first, plan_once().expect("it is known"))));
                first
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(log)).collect();
            threads.into_iter().map(|thread| thread.join().expect("nothing panics")).collect()
        });
        assert!(seen.iter().all(|plan| Arc::ptr_eq(plan, seen[0])), "all have the same");
        assert_eq!(plans.iter().count(), 1);
        // Who comes at the same moment asks for themselves; nobody does later.
        assert!((1..=THREADS).contains(&asked.load(Ordering::Relaxed)), "{asked:?}");
        let before = asked.load(Ordering::Relaxed);
        plan_once().expect("it is known");
        assert_eq!(asked.load(Ordering::Relaxed), before);
    }
}
