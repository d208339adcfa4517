//! Numbers for the things that rows refer to: trees, sites, lines, files, roles. Looked up once, then remembered.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::integer::bits;
use crate::model::{ForkSite, LanguageFrame, RoleChain, RoleCount, Site, TreeKey};
use crate::role::{self, Place};
use crate::sweep::{Marks, Thing};

/// Most entries remembered of each sort; a table that is full is forgotten as a whole.
const REMEMBERED: usize = 65_536;

/// Most bytes of sites, lines, files and roles together. Senders choose how long these are.
const REMEMBERED_BYTES: usize = 12 << 20;

/// The numbers found so far. Must be forgotten when the transaction they were found in fails.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    trees: HashMap<TreeKey, i64>,
    sites: HashMap<Site, i64>,
    lines: HashMap<LanguageFrame, i64>,
    files: HashMap<Vec<u8>, i64>,
    roles: HashMap<i64, HashMap<RoleChain, i64>>,
    role_count: usize,
    bytes: usize,
    /// What is looked up while [`sweep`](crate::sweep) goes on, and must not be taken for unused.
    pub(crate) marks: Option<Marks>,
}

impl Identities {
    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        *self = Self { marks: self.marks.take(), ..Self::default() };
    }

    fn mark(&mut self, thing: Thing, id: i64) -> i64 {
        if let Some(marks) = &mut self.marks {
            marks.mark(thing, id);
        }
        id
    }

    /// Counts what is about to be remembered; where it is too much, everything but the trees is forgotten first.
    fn grow(&mut self, bytes: usize) {
        if self.bytes + bytes > REMEMBERED_BYTES {
            *self =
                Self { trees: std::mem::take(&mut self.trees), marks: self.marks.take(), ..Self::default() };
        }
        self.bytes += bytes;
    }

    /// Forgets the roles of a tree, whose chains lead elsewhere now.
    pub(crate) fn forget_roles(&mut self, tree: i64) {
        let forgotten = self.roles.remove(&tree).map_or(0, |roles| roles.len());
        self.role_count = self.role_count.saturating_sub(forgotten);
    }

    /// The number of a tree; a tree that nobody has told of yet gets an empty row.
    pub(crate) fn tree(&mut self, db: &Connection, key: TreeKey) -> Result<i64> {
        if let Some(&id) = self.trees.get(&key) {
            return Ok(id);
        }
        let (pid, start) = (key.pid, bits(key.start_micros));
        let id = db
            .prepare_cached("SELECT id FROM tree WHERE pid = ?1 AND start_micros = ?2")?
            .query_row(params![pid, start], |row| row.get(0))
            .optional()?;
        let id = match id {
            Some(id) => id,
            None => db
                .prepare_cached("INSERT INTO tree (pid, start_micros) VALUES (?1, ?2)")?
                .insert(params![pid, start])?,
        };
        if self.trees.len() >= REMEMBERED {
            self.trees.clear();
        }
        self.trees.insert(key, id);
        Ok(id)
    }

    /// The number of a place in machine code; fills in its symbol when it is new.
    pub(crate) fn site(&mut self, db: &Connection, site: &Site) -> Result<i64> {
        if let Some(&id) = self.sites.get(site) {
            return Ok(self.mark(Thing::Site, id));
        }
        let id = db
            .prepare_cached(
                "INSERT INTO site (module, build_id, offset, symbol) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET symbol = coalesce(excluded.symbol, symbol)
                 RETURNING id",
            )?
            .query_row(params![site.module, site.build_id, bits(site.offset), site.symbol], |row| {
                row.get(0)
            })?;
        if self.sites.len() >= REMEMBERED {
            self.sites.clear();
        }
        self.grow(bytes_of_site(site));
        self.sites.insert(site.clone(), id);
        Ok(self.mark(Thing::Site, id))
    }

    /// The number of a line.
    pub(crate) fn line(&mut self, db: &Connection, line: &LanguageFrame) -> Result<i64> {
        if let Some(&id) = self.lines.get(line) {
            return Ok(self.mark(Thing::Line, id));
        }
        // The update changes nothing: only then does the statement tell the number.
        let id = db
            .prepare_cached(
                "INSERT INTO line (language, file, number, function) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET number = excluded.number
                 RETURNING id",
            )?
            .query_row(params![line.language, line.file, line.line, line.function], |row| row.get(0))?;
        if self.lines.len() >= REMEMBERED {
            self.lines.clear();
        }
        self.grow(bytes_of_line(line));
        self.lines.insert(line.clone(), id);
        Ok(self.mark(Thing::Line, id))
    }

    /// The number of a file.
    pub(crate) fn file(&mut self, db: &Connection, path: &[u8]) -> Result<i64> {
        if let Some(&id) = self.files.get(path) {
            return Ok(self.mark(Thing::File, id));
        }
        let known = db
            .prepare_cached("SELECT id FROM file WHERE path = ?1")?
            .query_row([path], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => db.prepare_cached("INSERT INTO file (path) VALUES (?1)")?.insert([path])?,
        };
        if self.files.len() >= REMEMBERED {
            self.files.clear();
        }
        self.grow(size_of::<Vec<u8>>() + path.len());
        self.files.insert(path.to_vec(), id);
        Ok(self.mark(Thing::File, id))
    }

    /// The number of a role, made with all its ancestors when it is new.
    pub(crate) fn role(&mut self, db: &Connection, tree: TreeKey, chain: &[ForkSite]) -> Result<i64> {
        let tree = self.tree(db, tree)?;
        if let Some(&id) = self.roles.get(&tree).and_then(|roles| roles.get(chain)) {
            return Ok(id);
        }
        let mut id = role::row(db, Place::root(tree))?;
        for link in chain {
            let place = self.place(db, tree, id, link)?;
            id = role::find_or_only(db, place)?.map_or_else(|| role::row(db, place), Ok)?;
        }
        self.remember(tree, chain, id);
        Ok(id)
    }

    /// The number of a role whose number in its tree is told, too: by it a line that was not told finds its
    /// role, and a role its line.
    pub(crate) fn counted_role(&mut self, db: &Connection, row: &RoleCount) -> Result<i64> {
        let Some((link, above)) = row.chain.split_last() else { return self.role(db, row.tree, &[]) };
        let (tree, parent) = (self.tree(db, row.tree)?, self.role(db, row.tree, above)?);
        let place = self.place(db, tree, parent, link)?;
        if role::tell_line(db, place, row.number)? {
            self.forget_roles(tree);
        }
        let id = role::numbered(db, place, row.number)?.map_or_else(|| role::row(db, place), Ok)?;
        self.remember(tree, &row.chain, id);
        Ok(id)
    }

    fn place(&mut self, db: &Connection, tree: i64, parent: i64, link: &ForkSite) -> Result<Place> {
        let site = self.site(db, &link.site)?;
        let line = link.line.as_ref().map(|line| self.line(db, line)).transpose()?;
        Ok(Place { tree, parent, site, line: line.unwrap_or(role::UNTOLD) })
    }

    fn remember(&mut self, tree: i64, chain: &[ForkSite], id: i64) {
        if self.role_count >= REMEMBERED {
            self.roles.clear();
            self.role_count = 0;
        }
        let bytes = |link: &ForkSite| bytes_of_site(&link.site) + link.line.as_ref().map_or(0, bytes_of_line);
        self.grow(chain.iter().map(bytes).sum());
        let fresh = self.roles.entry(tree).or_default().insert(chain.to_vec(), id).is_none();
        self.role_count += usize::from(fresh);
    }
}

fn bytes_of_site(site: &Site) -> usize {
    size_of::<Site>() + site.module.len() + site.build_id.len()
}

fn bytes_of_line(line: &LanguageFrame) -> usize {
    size_of::<LanguageFrame>() + line.file.len() + line.function.len()
}
