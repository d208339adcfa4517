//! Moves what a daemon's heir told before it was known to be the heir. Called inside one transaction.
//!
//! The heir's role becomes the root's: its loads and searches are start-up. Roles below it hang from the
//! root, and where the root has a role of the same fork site the two become one.

use rusqlite::{Connection, OptionalExtension as _, Result, params};

use crate::identity::Identities;
use crate::model::Rebase;
use crate::role::{self, Place};
use crate::sums;

/// Carries out a rebase, and remembers it for the next collector.
pub(crate) fn rebase(db: &Connection, ids: &mut Identities, row: &Rebase) -> Result<()> {
    let tree = ids.tree(db, row.tree)?;
    if let Some(number) = row.number {
        db.prepare_cached("INSERT OR IGNORE INTO rebased (tree, number) VALUES (?1, ?2)")?
            .execute(params![tree, number])?;
    }
    if row.chain.is_empty() {
        return Ok(());
    }
    let root = ids.role(db, row.tree, &[])?;
    let heir = ids.role(db, row.tree, &row.chain)?;
    sums::hand_over(db, heir, root, u32::MAX)?;
    db.prepare_cached("DELETE FROM fork WHERE role = ?1")?.execute([heir])?;
    let children = children(db, heir)?;
    // Before its children move: one of them may have the heir's own fork site, and takes its place.
    delete_role(db, heir)?;
    for (child, place) in children {
        hang(db, child, Place { parent: root, ..place })?;
    }
    ids.forget_roles(tree);
    Ok(())
}

/// Hangs a role of the same tree and site, or of a site of another build, at a place; merges it with the one that
/// is there.
pub(crate) fn hang(db: &Connection, role: i64, place: Place) -> Result<()> {
    let Place { parent, site, line, .. } = place;
    let there = role::find_build(db, place)?.filter(|&there| there != role);
    // The lower number stays: a parent's number must be lower than its children's.
    let kept = there.map_or(role, |there| there.min(role));
    if let Some(there) = there {
        let gone = there.max(role);
        sums::hand_over(db, gone, kept, u32::MAX)?;
        db.prepare_cached(
            "INSERT INTO fork (role, number, forks, nanos, resident_kib, threads, sockets, most_threads,
                 most_sockets, at_least, thread_names)
             SELECT ?2, number, forks, nanos, resident_kib, threads, sockets, most_threads, most_sockets,
                 at_least, thread_names
             FROM fork WHERE role = ?1
             ON CONFLICT DO UPDATE SET
                 resident_kib = iif(excluded.nanos > nanos, excluded.resident_kib, resident_kib),
                 threads = coalesce(iif(excluded.nanos > nanos, excluded.threads, NULL), threads, excluded.threads),
                 sockets = coalesce(iif(excluded.nanos > nanos, excluded.sockets, NULL), sockets, excluded.sockets),
                 most_threads = coalesce(max(most_threads, excluded.most_threads), most_threads, excluded.most_threads),
                 most_sockets = coalesce(max(most_sockets, excluded.most_sockets), most_sockets, excluded.most_sockets),
                 at_least = max(at_least, excluded.at_least),
                 thread_names = iif(thread_names = x'', excluded.thread_names, thread_names),
                 forks = max(forks, excluded.forks),
                 nanos = max(nanos, excluded.nanos)",
        )?
        .execute([gone, kept])?;
        db.prepare_cached("DELETE FROM fork WHERE role = ?1")?.execute([gone])?;
        let children = children(db, gone)?;
        let gone_site =
            db.prepare_cached("SELECT site FROM role WHERE id = ?1")?.query_row([gone], |row| row.get(0))?;
        delete_role(db, gone)?;
        role::prefer(db, kept, gone_site)?;
        for (child, place) in children {
            hang(db, child, Place { parent: kept, ..place })?;
        }
    }
    db.prepare_cached("UPDATE role SET parent = ?2, line = ?3 WHERE id = ?1")?
        .execute([kept, parent, line])?;
    role::prefer(db, kept, site)
}

/// Makes one of roles that differ in the build of a module alone, as version 1 of the tables kept them apart.
pub(crate) fn join_builds(db: &Connection) -> Result<()> {
    let several: Vec<i64> = db
        .prepare(
            "SELECT role.id FROM role JOIN site ON site.id = role.site
             WHERE EXISTS (SELECT 1 FROM site AS other
                 WHERE other.module = site.module AND other.offset = site.offset AND other.id <> site.id)
             ORDER BY role.id",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for role in several {
        // It may be gone, with one that it is the same as.
        let place = db
            .prepare_cached("SELECT tree, parent, site, line FROM role WHERE id = ?1")?
            .query_row([role], |row| {
                Ok(Place { tree: row.get(0)?, parent: row.get(1)?, site: row.get(2)?, line: row.get(3)? })
            })
            .optional()?;
        if let Some(place) = place {
            hang(db, role, place)?;
        }
    }
    Ok(())
}

/// The roles below a role, and where they hang.
fn children(db: &Connection, role: i64) -> Result<Vec<(i64, Place)>> {
    db.prepare_cached("SELECT id, tree, parent, site, line FROM role WHERE parent = ?1 ORDER BY id")?
        .query_map([role], |row| {
            let place =
                Place { tree: row.get(1)?, parent: row.get(2)?, site: row.get(3)?, line: row.get(4)? };
            Ok((row.get(0)?, place))
        })?
        .collect()
}

fn delete_role(db: &Connection, role: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM role WHERE id = ?1")?.execute([role])?;
    Ok(())
}
