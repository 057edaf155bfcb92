//! What is remembered of loads at which a receiver failed, also by the next run: a program that lives for a second would
//! begin with the same one for ever.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::outlook::Outlook;
use super::{Store, StoreError, schema};
use crate::record::Hosts;
use crate::record::claim::Suspect;

/// Loads that still wait.
const WAITING: &str = "SELECT load FROM batches INDEXED BY batches_to_send \
                       WHERE state IN ('kept','claimed') AND load IS NOT NULL";

impl Store {
    /// What is remembered of loads that still wait for receivers of this handle.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn suspects(&self) -> Result<Vec<Suspect>, StoreError> {
        let connection = self.connection()?;
        if !any(connection)? {
            return Ok(Vec::new());
        }
        let mut select = connection.prepare(
            "SELECT DISTINCT load, hosts, receivers, done FROM batches INDEXED BY batches_to_send
             WHERE state IN ('kept','claimed') AND load IN (SELECT load FROM suspects)",
        )?;
        let mut found = select.query([])?;
        let mut lacking: BTreeMap<i64, u8> = BTreeMap::new();
        while let Some(row) = found.next()? {
            let outlook = Outlook::of(row, 1, &self.hosts)?;
            if outlook.is_here() {
                *lacking.entry(row.get(0)?).or_default() |= outlook.lacking();
            }
        }
        let mut select = connection.prepare(
            "SELECT load, receiver, signal, rounds, is_counted, is_too_large, failed_at, rests_until FROM suspects",
        )?;
        let found: Vec<Suspect> = select.query_map([], |row| suspect(row, &self.hosts))?.collect::<Result<_, _>>()?;
        Ok(lacking.into_iter().flat_map(|(load, lacking)| Suspect::of_load(&found, load, lacking)).collect())
    }

    /// Remembers this, and nothing more of loads that do not wait any longer.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub(crate) fn suspect(&mut self, suspects: &[Suspect]) -> Result<(), StoreError> {
        if suspects.is_empty() {
            return Ok(());
        }
        self.mending(|store| {
            let transaction = store.write()?;
            transaction.execute(&format!("DELETE FROM suspects WHERE load NOT IN ({WAITING})"), [])?;
            {
                let mut insert =
                    transaction.prepare("INSERT OR REPLACE INTO suspects VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
                // What stands for those that did not fail is seen anew each time.
                for suspect in suspects.iter().filter(|suspect| !store.hosts.name(suspect.receiver).is_empty()) {
                    insert.execute(params![
                        suspect.load,
                        store.hosts.name(suspect.receiver),
                        schema::text_of(suspect.signal),
                        suspect.rounds,
                        suspect.is_counted,
                        suspect.is_too_large,
                        suspect.failed_at,
                        suspect.rests_until
                    ])?;
                }
            }
            transaction.commit()?;
            Ok(())
        })
    }
}

fn any(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("SELECT EXISTS(SELECT 1 FROM suspects)", [], |row| row.get(0))?)
}

/// Somebody may have edited it, and another run may have had other receivers, which have no bit here.
fn suspect(row: &Row<'_>, hosts: &Hosts) -> rusqlite::Result<Suspect> {
    Ok(Suspect {
        load: row.get(0)?,
        receiver: hosts.bit(row.get_ref(1)?.as_str().unwrap_or("")),
        signal: schema::signal_of(row.get_ref(2)?.as_str().unwrap_or("")),
        rounds: u32::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
        is_counted: row.get::<_, i64>(4)? != 0,
        is_too_large: row.get::<_, i64>(5)? != 0,
        failed_at: row.get(6)?,
        rests_until: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, OWNER, RUN, Scratch, claim, keep_singly, lease, texts};
    use super::*;
    use crate::record::Signal;
    use crate::record::claim::{Answers, Verdict};

    fn of(load: i64) -> Suspect {
        Suspect { rounds: 2, rests_until: NOW + 10, ..Suspect::new(load, 1, Signal::Log, NOW) }
    }

    /// Batches 1 and 3 of three went out together, and the receiver failed at them.
    fn failed(scratch: &Scratch) -> Store {
        let mut store = scratch.open();
        keep_singly(&mut store, &texts(0..3, 10));
        assert_eq!(store.claim_known(&[(1, 1), (3, 1)], lease(NOW)).unwrap(), [1, 3]);
        store.note(&[1, 3], OWNER, 77, Answers::default()).unwrap();
        store.suspect(&[of(77)]).unwrap();
        store.settle(&[1, 3], OWNER, Verdict::Released).unwrap();
        store
    }

    #[test]
    fn what_a_receiver_failed_at_is_claimed_by_its_number_alone_also_by_another_run() {
        let scratch = Scratch::new();
        drop(failed(&scratch));
        let mut store = scratch.open();
        assert_eq!((store.unsent_of(RUN).unwrap(), store.untried_of(RUN).unwrap()), (3, 1));
        assert_eq!(claim(&mut store, 9, NOW), [2]);
        // The other receiver of this handle did not fail at it, and rests from nothing.
        let other = Suspect { receiver: 2, rounds: 0, is_counted: true, rests_until: 0, ..of(77) };
        assert_eq!(store.suspects().unwrap(), [of(77), other]);
        assert!(store.claim_load(78, lease(NOW)).unwrap().is_empty());
        let claimed = store.claim_load(77, lease(NOW)).unwrap();
        assert_eq!(claimed.iter().map(|claimed| claimed.batch).collect::<Vec<_>>(), [1, 3]);
        assert!(store.claim_load(77, lease(NOW)).unwrap().is_empty(), "it is claimed");
        store.settle(&[1, 3], OWNER, Verdict::Sent(NOW)).unwrap();
        assert_eq!(store.suspects().unwrap(), [], "it does not wait any more");
        store.suspect(&[of(5)]).unwrap();
        let left = schema::number(store.connection().unwrap(), "SELECT count(*) FROM suspects").unwrap();
        assert_eq!(left, 1, "and is forgotten");
    }

    #[test]
    fn nothing_of_it_is_left_when_all_is_erased() {
        let scratch = Scratch::new();
        let mut store = failed(&scratch);
        let _ = store.clear(1).unwrap();
        assert!(!any(store.connection().unwrap()).unwrap());
    }

    #[test]
    fn a_part_of_a_load_goes_out_under_the_number_that_it_is_given() {
        use super::super::tests::{held, keep};
        use crate::record::claim::Part;

        let scratch = Scratch::new();
        let mut store = scratch.open();
        keep(&mut store, &texts(0..4, 10));
        assert_eq!(claim(&mut store, 9, NOW), [1]);
        store.note(&[1], OWNER, 77, Answers { refused: 2, ..Answers::default() }).unwrap();
        assert_eq!(store.part(held(1, &[3, 4]), Part::Divided(78), NOW).unwrap(), 2);
        let other = store.claim_load(78, lease(NOW)).unwrap();
        assert_eq!(other.iter().map(|claimed| (claimed.rows.len(), claimed.done)).collect::<Vec<_>>(), [(2, 2)]);
    }
}
