//! Loads and missing names, over all trees. A database may hold a million rows of them: none is copied, and a file
//! is looked up by its number.

use hashbrown::HashMap as FastMap;
use hashbrown::hash_map::Entry;

use super::{Merge, add};
use crate::model::{Load, MAX_STACKS, Missing};

/// A row of the table `load`, as it lies in the database.
#[derive(Debug)]
pub(crate) struct LoadRow<'r> {
    pub(crate) role: i64,
    pub(crate) file: i64,
    pub(crate) kind: &'r [u8],
    pub(crate) name: &'r [u8],
    pub(crate) language: &'r [u8],
    pub(crate) outcome: &'r [u8],
    pub(crate) via: &'r [u8],
    pub(crate) pulled_in_by: &'r [u8],
    pub(crate) events: u64,
    pub(crate) processes: u64,
    pub(crate) bytes: u64,
    pub(crate) nanos: u64,
    pub(crate) respawned: u64,
    pub(crate) spans: u64,
    pub(crate) span_nanos: u64,
    pub(crate) span_cpu_nanos: u64,
    pub(crate) span_faults: u64,
    pub(crate) bound_nanos: u64,
    pub(crate) first_seen_micros: u64,
    pub(crate) last_seen_micros: u64,
}

/// A row of the table `missing`.
#[derive(Debug)]
pub(crate) struct MissingRow<'r> {
    pub(crate) id: i64,
    pub(crate) role: i64,
    pub(crate) name: &'r [u8],
    pub(crate) language: &'r [u8],
    pub(crate) searches: u64,
    pub(crate) probes: u64,
    pub(crate) processes: u64,
}

/// A row of the table `stack`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleRow {
    pub(crate) id: i64,
    pub(crate) digest: i64,
}

/// The oldest distinct stacks of a sum.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    rows: [Option<SampleRow>; MAX_STACKS],
}

impl Sampled {
    fn add(&mut self, row: SampleRow) {
        let same = self.rows.iter_mut().flatten().find(|known| known.digest == row.digest);
        if let Some(known) = same {
            known.id = known.id.min(row.id);
            return;
        }
        // A free place, or that of the youngest.
        let place = self.rows.iter_mut().max_by_key(|place| place.map_or(i64::MAX, |known| known.id));
        if let Some(place) = place
            && place.is_none_or(|known| known.id > row.id)
        {
            *place = Some(row);
        }
    }

    /// Their numbers, the oldest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        let mut ids: Vec<i64> = self.rows.iter().flatten().map(|row| row.id).collect();
        ids.sort_unstable();
        ids.into_iter()
    }
}

/// Program and role of each role's row.
pub(crate) type Roles = FastMap<i64, (usize, usize)>;

/// Sums of loads. Several may add up parts of the rows, in whatever order, and are joined in the end.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    programs: Vec<OfProgram>,
    /// Words of a few letters, by their place here.
    kinds: Vec<String>,
    /// The role that was looked up last: rows of a role stand together.
    last_role: Option<(i64, usize, usize)>,
}

#[derive(Debug, Default)]
struct OfProgram {
    sums: Vec<Sum>,
    /// Places of sums by role, kind and file.
    at: FastMap<(u32, u8, i64), u32>,
}

/// Where a sum is: program, index.
pub(crate) type At = (usize, usize);

/// The loads of a file by a role.
#[derive(Debug)]
pub(super) struct Sum {
    /// The lowest number of its rows.
    row: i64,
    pub(super) file: i64,
    /// Without its path and its stacks.
    pub(super) load: Load,
    pub(super) sampled: Sampled,
}

impl Loads {
    /// Adds a row, whose number is `id`; `None` when its role is unknown.
    pub(crate) fn add(&mut self, roles: &Roles, id: i64, row: &LoadRow<'_>) -> Option<At> {
        let (index, role) = match self.last_role {
            Some((known, index, role)) if known == row.role => (index, role),
            _ => {
                let &(index, role) = roles.get(&row.role)?;
                self.last_role = Some((row.role, index, role));
                (index, role)
            }
        };
        match self.place(index, role, row.kind, row.file)? {
            Place::Known(at) => {
                let sum = &mut self.programs[index].sums[at];
                add_load(&mut sum.load, row);
                sum.row = sum.row.min(id);
                Some((index, at))
            }
            Place::New(sums) => {
                let load = first(role, row);
                sums.push(Sum { row: id, file: row.file, load, sampled: Sampled::default() });
                Some((index, sums.len() - 1))
            }
        }
    }

    /// A stack of a load that was added to the sum there.
    pub(crate) fn sample(&mut self, (index, at): At, row: SampleRow) {
        self.programs[index].sums[at].sampled.add(row);
    }

    /// Adds the sums of other rows.
    pub(crate) fn join(&mut self, other: Self) {
        for (index, program) in other.programs.into_iter().enumerate() {
            for sum in program.sums {
                match self.place(index, sum.load.role, sum.load.kind.as_bytes(), sum.file) {
                    Some(Place::Known(at)) => {
                        let known = &mut self.programs[index].sums[at];
                        add_load(&mut known.load, &row_of(&sum.load));
                        known.row = known.row.min(sum.row);
                        sum.sampled.rows.into_iter().flatten().for_each(|row| known.sampled.add(row));
                    }
                    Some(Place::New(sums)) => sums.push(sum),
                    None => {}
                }
            }
        }
    }

    /// Where the sum of a file, a role and a kind is or has to be put. `None` where it cannot be counted.
    fn place(&mut self, index: usize, role: usize, kind: &[u8], file: i64) -> Option<Place<'_>> {
        let kind = match self.kinds.iter().position(|known| known.as_bytes() == kind) {
            Some(kind) => kind,
            None => {
                self.kinds.push(text(kind));
                self.kinds.len() - 1
            }
        };
        // There are two; what a damaged file holds beyond the last that can be told apart counts as one.
        let kind = u8::try_from(kind).unwrap_or(u8::MAX);
        if self.programs.len() <= index {
            self.programs.resize_with(index + 1, OfProgram::default);
        }
        let OfProgram { sums, at } = &mut self.programs[index];
        let next = u32::try_from(sums.len()).ok()?;
        match at.entry((u32::try_from(role).ok()?, kind, file)) {
            Entry::Occupied(at) => Some(Place::Known(*at.get() as usize)),
            Entry::Vacant(vacant) => {
                vacant.insert(next);
                Some(Place::New(sums))
            }
        }
    }

    /// The sums of each program, in the order of their rows.
    pub(super) fn finish(self) -> impl Iterator<Item = Vec<Sum>> {
        self.programs.into_iter().map(|mut program| {
            program.sums.sort_unstable_by_key(|sum| sum.row);
            program.sums
        })
    }
}

/// Where a sum is, or the list that it has to be put at the end of.
enum Place<'l> {
    Known(usize),
    New(&'l mut Vec<Sum>),
}

fn add_load(sum: &mut Load, row: &LoadRow<'_>) {
    sum.events = add(sum.events, row.events);
    sum.processes = add(sum.processes, row.processes);
    sum.nanos = add(sum.nanos, row.nanos);
    sum.respawned = add(sum.respawned, row.respawned);
    sum.spans = add(sum.spans, row.spans);
    sum.span_nanos = add(sum.span_nanos, row.span_nanos);
    sum.span_cpu_nanos = add(sum.span_cpu_nanos, row.span_cpu_nanos);
    sum.span_faults = add(sum.span_faults, row.span_faults);
    sum.bound_nanos =
        [sum.bound_nanos, row.bound_nanos].into_iter().filter(|&bound| bound > 0).min().unwrap_or(0);
    sum.bytes = sum.bytes.max(row.bytes);
    sum.first_seen_micros = sum.first_seen_micros.min(row.first_seen_micros);
    sum.last_seen_micros = sum.last_seen_micros.max(row.last_seen_micros);
    prefer_bytes(&mut sum.name, row.name);
    prefer_bytes(&mut sum.pulled_in_by, row.pulled_in_by);
    prefer(&mut sum.language, row.language);
    prefer(&mut sum.via, row.via);
    if sum.outcome != LOADED {
        if row.outcome == LOADED.as_bytes() {
            LOADED.clone_into(&mut sum.outcome);
        } else {
            prefer(&mut sum.outcome, row.outcome);
        }
    }
}

impl Merge {
    /// A missing name.
    pub(crate) fn missing(&mut self, row: &MissingRow<'_>) {
        let Some((index, role)) = self.role_of(row.role) else { return };
        let merged = &mut self.programs[index];
        let all = &mut merged.program.missing;
        let at = *merged.missing.entry((role, row.name.to_vec())).or_insert_with(|| {
            let (name, language) = (row.name.to_vec(), String::new());
            all.push(Missing { role, name, language, ..Missing::default() });
            merged.missing_samples.push(Sampled::default());
            all.len() - 1
        });
        self.missing_rows.insert(row.id, (index, at));
        let sum = &mut all[at];
        sum.searches = add(sum.searches, row.searches);
        sum.probes = add(sum.probes, row.probes);
        sum.processes = add(sum.processes, row.processes);
        prefer(&mut sum.language, row.language);
    }

    /// A stack of the missing name with the row number `missing`.
    pub(crate) fn sample_of_missing(&mut self, missing: i64, row: SampleRow) {
        if let Some(&(index, at)) = self.missing_rows.get(&missing) {
            self.programs[index].missing_samples[at].add(row);
        }
    }
}

/// The outcome that stands above all others: one process had it.
const LOADED: &str = "loaded";

fn first(role: usize, row: &LoadRow<'_>) -> Load {
    Load {
        role,
        path: Vec::new(),
        name: row.name.to_vec(),
        kind: text(row.kind),
        language: text(row.language),
        outcome: text(row.outcome),
        via: text(row.via),
        pulled_in_by: row.pulled_in_by.to_vec(),
        events: row.events,
        processes: row.processes,
        bytes: row.bytes,
        nanos: row.nanos,
        respawned: row.respawned,
        spans: row.spans,
        span_nanos: row.span_nanos,
        span_cpu_nanos: row.span_cpu_nanos,
        span_faults: row.span_faults,
        bound_nanos: row.bound_nanos,
        first_seen_micros: row.first_seen_micros,
        last_seen_micros: row.last_seen_micros,
        stacks: Vec::new(),
    }
}

/// A sum as a row that is added to another sum.
fn row_of(load: &Load) -> LoadRow<'_> {
    LoadRow {
        // Of the sum that it is added to.
        role: 0,
        file: 0,
        kind: load.kind.as_bytes(),
        name: &load.name,
        language: load.language.as_bytes(),
        outcome: load.outcome.as_bytes(),
        via: load.via.as_bytes(),
        pulled_in_by: &load.pulled_in_by,
        events: load.events,
        processes: load.processes,
        bytes: load.bytes,
        nanos: load.nanos,
        respawned: load.respawned,
        spans: load.spans,
        span_nanos: load.span_nanos,
        span_cpu_nanos: load.span_cpu_nanos,
        span_faults: load.span_faults,
        bound_nanos: load.bound_nanos,
        first_seen_micros: load.first_seen_micros,
        last_seen_micros: load.last_seen_micros,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Of two words the first in the order of bytes, but the empty one only where there is no other.
fn is_preferred(known: &[u8], told: &[u8]) -> bool {
    !told.is_empty() && (known.is_empty() || told < known)
}

fn prefer_bytes(known: &mut Vec<u8>, told: &[u8]) {
    if is_preferred(known, told) {
        told.clone_into(known);
    }
}

fn prefer(known: &mut String, told: &[u8]) {
    if is_preferred(known.as_bytes(), told) {
        *known = text(told);
    }
}
