//! For whom the leader of a group waits before it syncs.
//!
//! When a group is written, its committers commit again soon, or do not. Who committed meanwhile is waiting already. So about
//! as many are expected in the next group as both are together. The leader waits for them, for half the time of a sync at most:
//! if all come, all are written by one sync instead of two. If not, it does not wait again for some groups, and for
//! twice as many each time it was in vain: threads that commit now and then are not slowed down.

use std::time::Duration;

/// For how many groups at most a leader does not wait after it waited in vain.
const HASTY_GROUPS_MAX: u32 = 64;

/// The commits that are pending, and those that are expected.
#[derive(Debug, Default)]
pub(super) struct Company {
    pending: usize,
    expected: usize,
    /// How long the last group took to be written.
    write_time: Duration,
    /// For how many more groups nobody is waited for, and for how many after the next time in vain.
    hasty_groups: u32,
    hasty_groups_next: u32,
}

impl Company {
    /// Notes a commit.
    pub(super) fn arrive(&mut self) {
        self.pending += 1;
    }

    /// Whether nobody else is expected.
    pub(super) fn is_complete(&self) -> bool {
        self.pending >= self.expected
    }

    /// How long a leader may wait for those that are expected; `None` if it should not.
    pub(super) fn patience(&mut self) -> Option<Duration> {
        if self.is_complete() {
            return None;
        }
        match self.hasty_groups.checked_sub(1) {
            Some(left) => {
                self.hasty_groups = left;
                None
            }
            None => Some(self.write_time / 2),
        }
    }

    /// Notes that a leader has waited.
    pub(super) fn note_waited(&mut self) {
        if self.is_complete() {
            self.hasty_groups_next = 0;
        } else {
            self.hasty_groups_next = (2 * self.hasty_groups_next + 1).min(HASTY_GROUPS_MAX);
            self.hasty_groups = self.hasty_groups_next;
        }
    }

    /// Notes that the pending commits go to the store; gives their number.
    pub(super) fn depart(&mut self) -> usize {
        std::mem::take(&mut self.pending)
    }

    /// Notes that a group of `commits` is written, which took so long.
    pub(super) fn note_written(&mut self, commits: usize, write_time: Duration) {
        self.expected = commits + self.pending;
        self.write_time = write_time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_micros(300);

    /// A group of those that have arrived is written while `meanwhile` others arrive.
    fn write(company: &mut Company, meanwhile: usize) {
        let commits = company.depart();
        (0..meanwhile).for_each(|_| company.arrive());
        company.note_written(commits, SYNC);
    }

    #[test]
    fn two_halves_become_one_group() {
        let mut company = Company::default();
        (0..4).for_each(|_| company.arrive());
        write(&mut company, 4);
        assert_eq!(company.patience(), Some(SYNC / 2));
        let complete = [1, 2, 3, 4].map(|_| {
            company.arrive();
            company.is_complete()
        });
        assert_eq!(complete, [false, false, false, true]);
        company.note_waited();
        write(&mut company, 0);
        assert_eq!(company.patience(), Some(SYNC / 2), "all eight are expected again");
    }

    #[test]
    fn nobody_waits_alone_and_seldom_in_vain() {
        let mut company = Company::default();
        for _ in 0..10 {
            company.arrive();
            assert_eq!(company.patience(), None);
            write(&mut company, 0);
        }
        // One commits while the other's is written, and comes back only after that.
        let mut waited = 0;
        let mut lead = |company: &mut Company, meanwhile| {
            if company.patience().is_some() {
                waited += 1;
                company.note_waited();
            }
            write(company, meanwhile);
        };
        for _ in 0..1000 {
            company.arrive();
            lead(&mut company, 1);
            lead(&mut company, 0);
        }
        assert!((1..40).contains(&waited), "{waited} times in 2000");
    }
}
