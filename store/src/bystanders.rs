//! What a fork endangers, and how two accounts of it become one.

use rusqlite::{Connection, Result, Row, params};

/// Names of threads that are kept of each role.
pub const MAX_THREAD_NAMES: usize = 4;

/// What was in the forkers of a role beside the thread that forked. Looked at at some of the forks only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bystanders {
    /// Other threads when it was looked at last: they are gone in the child, and what they held stays held.
    pub threads: u32,
    /// Sockets that did not listen when it was looked at last, without the standard streams: the child has
    /// them, too.
    pub sockets: u32,
    /// Most threads seen.
    pub most_threads: u32,
    /// Most sockets seen.
    pub most_sockets: u32,
    /// There were more than were looked at: the numbers are floors.
    pub at_least: bool,
    /// What some of the threads are called: the first [`MAX_THREAD_NAMES`] names in the order of their bytes.
    pub thread_names: Vec<Vec<u8>>,
}

impl Bystanders {
    /// Adds a later account of the same role.
    pub fn update(&mut self, later: &Self) {
        self.threads = later.threads;
        self.sockets = later.sockets;
        self.join(later);
    }

    /// Adds what does not depend on which account is the later one.
    pub(crate) fn join(&mut self, other: &Self) {
        self.most_threads = self.most_threads.max(other.most_threads);
        self.most_sockets = self.most_sockets.max(other.most_sockets);
        self.at_least |= other.at_least;
        self.thread_names.extend_from_slice(&other.thread_names);
        self.thread_names.sort_unstable();
        self.thread_names.dedup();
        self.thread_names.truncate(MAX_THREAD_NAMES);
    }

    /// Whether nothing was ever in danger.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        self.most_threads == 0 && self.most_sockets == 0
    }
}

/// Columns of the table `fork`, in the order of [`read`].
pub(crate) const COLUMNS: &str = "threads, sockets, most_threads, most_sockets, at_least, thread_names";

/// From [`COLUMNS`], the first of which is number `first`; `None` where nobody looked.
pub(crate) fn read(row: &Row<'_>, first: usize) -> Result<Option<Bystanders>> {
    let Some(threads) = row.get(first)? else { return Ok(None) };
    let names: Vec<u8> = row.get(first + 5)?;
    Ok(Some(Bystanders {
        threads,
        sockets: row.get::<_, Option<u32>>(first + 1)?.unwrap_or(0),
        most_threads: row.get::<_, Option<u32>>(first + 2)?.unwrap_or(0),
        most_sockets: row.get::<_, Option<u32>>(first + 3)?.unwrap_or(0),
        at_least: row.get(first + 4)?,
        thread_names: names
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .take(MAX_THREAD_NAMES)
            .map(<[u8]>::to_vec)
            .collect(),
    }))
}

/// Adds a later account to the row of a role's number.
pub(crate) fn write(db: &Connection, role: i64, number: u16, later: &Bystanders) -> Result<()> {
    let known = db
        .prepare_cached(&format!("SELECT {COLUMNS} FROM fork WHERE role = ?1 AND number = ?2"))?
        .query_row(params![role, number], |row| read(row, 0))?;
    let sum = match known {
        Some(mut known) => {
            known.update(later);
            known
        }
        None => later.clone(),
    };
    put(db, role, number, &sum)
}

fn put(db: &Connection, role: i64, number: u16, sum: &Bystanders) -> Result<()> {
    db.prepare_cached(
        "UPDATE fork SET threads = ?3, sockets = ?4, most_threads = ?5, most_sockets = ?6, at_least = ?7,
             thread_names = ?8
         WHERE role = ?1 AND number = ?2",
    )?
    .execute(params![
        role,
        number,
        sum.threads,
        sum.sockets,
        sum.most_threads,
        sum.most_sockets,
        sum.at_least,
        sum.thread_names.join(&0)
    ])?;
    Ok(())
}

/// Adds an account to that of a kept tree; those of one tree by their numbers. The one whose tree spoke last tells
/// the last figures.
pub(crate) fn fold(db: &Connection, role: i64, told: &Bystanders, looked_micros: i64) -> Result<()> {
    let (known, at): (Option<Bystanders>, Option<i64>) = db
        .prepare_cached(&format!("SELECT {COLUMNS}, looked_micros FROM fork WHERE role = ?1 AND number = 0"))?
        .query_row([role], |row| Ok((read(row, 0)?, row.get(6)?)))?;
    let mut sum = known.unwrap_or_default();
    let is_last = at.is_none_or(|at| looked_micros >= at);
    if is_last {
        (sum.threads, sum.sockets) = (told.threads, told.sockets);
    }
    sum.join(told);
    put(db, role, 0, &sum)?;
    db.prepare_cached("UPDATE fork SET looked_micros = ?2 WHERE role = ?1 AND number = 0")?
        .execute([role, if is_last { looked_micros } else { at.unwrap_or(looked_micros) }])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Bystanders;

    #[test]
    fn the_last_is_the_later_one_and_the_most_is_the_larger_one() {
        let names = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut sum = Bystanders {
            threads: 3,
            sockets: 1,
            most_threads: 3,
            most_sockets: 1,
            at_least: true,
            thread_names: names(&["timer", "io"]),
        };
        sum.update(&Bystanders {
            most_sockets: 5,
            thread_names: names(&["io", "a", "b", "c"]),
            ..Bystanders::default()
        });
        assert_eq!((sum.threads, sum.most_threads, sum.sockets, sum.most_sockets), (0, 3, 0, 5));
        assert!(sum.at_least && !sum.is_harmless());
        assert_eq!(sum.thread_names, names(&["a", "b", "c", "io"]) as Vec<Vec<u8>>);
    }
}
