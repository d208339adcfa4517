-- Version 2. Identities (start_micros, offset) hold the bits of an unsigned number; counts stop at
-- the largest signed one. Paths and labels are blobs: Linux promises nothing about their encoding.

-- One row for each time a collector opened the database. `closed` 0 and nobody holding the lock: it was killed.
CREATE TABLE epoch (
    id              INTEGER PRIMARY KEY,
    opened_micros   INTEGER NOT NULL,
    flushed_micros  INTEGER NOT NULL,
    closed          INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Sums since the database was made: datagrams, events, and the losses by name.
CREATE TABLE counter (
    name   TEXT PRIMARY KEY,
    value  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Receive queues that outlive their collectors: how many of their drops the counters hold.
CREATE TABLE queue (
    name   TEXT PRIMARY KEY,
    drops  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tree (
    id                 INTEGER PRIMARY KEY,
    pid                INTEGER NOT NULL,
    start_micros       INTEGER NOT NULL,
    program            BLOB NOT NULL DEFAULT x'',
    executable         BLOB NOT NULL DEFAULT x'',
    shim_version       BLOB NOT NULL DEFAULT x'',
    first_seen_micros  INTEGER NOT NULL DEFAULT 0,
    last_seen_micros   INTEGER NOT NULL DEFAULT 0,
    sequence           INTEGER NOT NULL DEFAULT 0,
    gaps               INTEGER NOT NULL DEFAULT 0,
    -- Trees that the row stands for: one, or in a kept tree those that were forgotten.
    trees              INTEGER NOT NULL DEFAULT 1,
    -- 0: its sums are its own. 1: they are in its program's kept tree, all but those that are absolute. 2: it was
    -- dropped, and is known by its numbers alone. 3: a kept tree, whose pid is -1.
    state              INTEGER NOT NULL DEFAULT 0,
    UNIQUE (pid, start_micros)
) STRICT;

CREATE INDEX tree_state ON tree (state, last_seen_micros);
CREATE INDEX tree_kept ON tree (program) WHERE state = 3;

-- What a tree's processes counted instead of sending.
CREATE TABLE not_sent (
    tree    INTEGER NOT NULL REFERENCES tree (id),
    reason  TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (tree, reason)
) STRICT, WITHOUT ROWID;

-- Interpreters in a tree's processes; `no_lines` is empty where their lines are read.
CREATE TABLE interpreter (
    tree      INTEGER NOT NULL REFERENCES tree (id),
    language  TEXT NOT NULL,
    version   BLOB NOT NULL,
    no_lines  TEXT NOT NULL,
    PRIMARY KEY (tree, language, version, no_lines)
) STRICT, WITHOUT ROWID;

-- Loads on behalf of a language's code, by why they have no lines; empty for those that have.
CREATE TABLE line_count (
    tree      INTEGER NOT NULL REFERENCES tree (id),
    language  TEXT NOT NULL,
    no_lines  TEXT NOT NULL,
    loads     INTEGER NOT NULL,
    PRIMARY KEY (tree, language, no_lines)
) STRICT, WITHOUT ROWID;

-- Places in machine code.
CREATE TABLE site (
    id        INTEGER PRIMARY KEY,
    module    BLOB NOT NULL,
    build_id  BLOB NOT NULL,
    offset    INTEGER NOT NULL,
    symbol    TEXT,
    UNIQUE (module, offset, build_id)
) STRICT;

-- Lines of interpreted languages. Number 0: not known.
CREATE TABLE line (
    id        INTEGER PRIMARY KEY,
    language  TEXT NOT NULL,
    file      BLOB NOT NULL,
    number    INTEGER NOT NULL,
    function  BLOB NOT NULL,
    UNIQUE (file, number, function, language)
) STRICT;

-- Files that were loaded.
CREATE TABLE file (
    id    INTEGER PRIMARY KEY,
    path  BLOB NOT NULL UNIQUE
) STRICT;

-- Roles of a tree. Parent 0 and site 0: the root. Line 0: not told. Line -1, in a kept tree: not told, beside a role
-- of the same place whose line was.
CREATE TABLE role (
    id      INTEGER PRIMARY KEY,
    tree    INTEGER NOT NULL REFERENCES tree (id),
    parent  INTEGER NOT NULL,
    site    INTEGER NOT NULL,
    line    INTEGER NOT NULL,
    -- Of a kept tree: forgotten trees that had it, the lowest number that it had in a tree, and when that tree spoke
    -- that had it and spoke last. Roles stand in the order of their numbers, a parent before its children.
    trees        INTEGER NOT NULL DEFAULT 1,
    rank         INTEGER,
    seen_micros  INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tree, parent, site, line)
) STRICT;

CREATE INDEX role_parent ON role (parent);

-- Forks into a role, by the number that the tree has for it. One role may have several numbers: its forks
-- are the sum. Absolute, not sums over batches.
CREATE TABLE fork (
    role          INTEGER NOT NULL REFERENCES role (id),
    number        INTEGER NOT NULL,
    forks         INTEGER NOT NULL,
    nanos         INTEGER NOT NULL,
    resident_kib  INTEGER NOT NULL,
    -- Beside the thread that forked, last and most; NULL where nobody looked. A zero between two names.
    threads       INTEGER,
    sockets       INTEGER,
    most_threads  INTEGER,
    most_sockets  INTEGER,
    at_least      INTEGER NOT NULL DEFAULT 0,
    thread_names  BLOB NOT NULL DEFAULT x'',
    -- Of a kept tree, which has one number: when the trees last spoke that the resident size is from, and the last
    -- threads and sockets. Of any other tree NULL: when it last spoke.
    resident_micros  INTEGER,
    looked_micros    INTEGER,
    PRIMARY KEY (role, number)
) STRICT, WITHOUT ROWID;

-- Numbers of roles whose process turned out to be the heir of a root that went into the background.
CREATE TABLE rebased (
    tree    INTEGER NOT NULL REFERENCES tree (id),
    number  INTEGER NOT NULL,
    PRIMARY KEY (tree, number)
) STRICT, WITHOUT ROWID;

-- The latest look at each of a role's processes, and the largest figures of all looks at it; of each role the
-- processes looked at last. Figures NULL: it could not be read.
CREATE TABLE memory (
    role                   INTEGER NOT NULL REFERENCES role (id),
    pid                    INTEGER NOT NULL,
    start_ticks            INTEGER NOT NULL,
    seen_micros            INTEGER NOT NULL,
    pss_kib                INTEGER,
    uss_kib                INTEGER,
    private_dirty_kib      INTEGER,
    shared_kib             INTEGER,
    swap_kib               INTEGER,
    max_pss_kib            INTEGER,
    max_uss_kib            INTEGER,
    max_private_dirty_kib  INTEGER,
    PRIMARY KEY (role, pid, start_ticks)
) STRICT, WITHOUT ROWID;

CREATE TABLE load (
    id                 INTEGER PRIMARY KEY,
    role               INTEGER NOT NULL REFERENCES role (id),
    file               INTEGER NOT NULL REFERENCES file (id),
    kind               TEXT NOT NULL,
    name               BLOB NOT NULL,
    language           TEXT NOT NULL,
    outcome            TEXT NOT NULL,
    via                TEXT NOT NULL,
    pulled_in_by       BLOB NOT NULL,
    events             INTEGER NOT NULL,
    processes          INTEGER NOT NULL,
    bytes              INTEGER NOT NULL,
    nanos              INTEGER NOT NULL,
    respawned          INTEGER NOT NULL,
    spans              INTEGER NOT NULL,
    span_nanos         INTEGER NOT NULL,
    span_cpu_nanos     INTEGER NOT NULL,
    span_faults        INTEGER NOT NULL,
    bound_nanos        INTEGER NOT NULL,
    first_seen_micros  INTEGER NOT NULL,
    last_seen_micros   INTEGER NOT NULL,
    UNIQUE (role, file, kind)
) STRICT;

CREATE TABLE missing (
    id         INTEGER PRIMARY KEY,
    role       INTEGER NOT NULL REFERENCES role (id),
    name       BLOB NOT NULL,
    language   TEXT NOT NULL,
    searches   INTEGER NOT NULL,
    probes     INTEGER NOT NULL,
    processes  INTEGER NOT NULL,
    last_seen_micros  INTEGER NOT NULL DEFAULT 0,
    UNIQUE (role, name)
) STRICT;

-- Sample stacks, each of one load or of one missing name; `digest` tells equal ones.
CREATE TABLE stack (
    id       INTEGER PRIMARY KEY,
    load     INTEGER REFERENCES load (id),
    missing  INTEGER REFERENCES missing (id),
    digest   INTEGER NOT NULL,
    CHECK ((load IS NULL) <> (missing IS NULL)),
    UNIQUE (load, digest),
    UNIQUE (missing, digest)
) STRICT;

-- Innermost frame first.
CREATE TABLE native_frame (
    stack     INTEGER NOT NULL REFERENCES stack (id),
    position  INTEGER NOT NULL,
    site      INTEGER NOT NULL REFERENCES site (id),
    PRIMARY KEY (stack, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE language_frame (
    stack     INTEGER NOT NULL REFERENCES stack (id),
    position  INTEGER NOT NULL,
    line      INTEGER NOT NULL REFERENCES line (id),
    PRIMARY KEY (stack, position)
) STRICT, WITHOUT ROWID;

-- Programs that processes of a role executed: what they took until they ended, or first forked.
CREATE TABLE executed (
    role               INTEGER NOT NULL REFERENCES role (id),
    executable         BLOB NOT NULL,
    program            BLOB NOT NULL,
    runs               INTEGER NOT NULL,
    cpu_nanos          INTEGER NOT NULL,
    wall_nanos         INTEGER NOT NULL,
    resident_kib       INTEGER NOT NULL,
    first_seen_micros  INTEGER NOT NULL,
    last_seen_micros   INTEGER NOT NULL,
    PRIMARY KEY (role, executable, program)
) STRICT, WITHOUT ROWID;

-- Hits of a tap, by the place it stands in and by who sent them. Function, caller and context are those
-- of the last hit. `processes` is an estimate: a process that the collector forgot counts again.
CREATE TABLE ping (
    id                 INTEGER PRIMARY KEY,
    name               BLOB NOT NULL,
    file               BLOB NOT NULL,
    line               INTEGER NOT NULL,
    service            BLOB NOT NULL,
    host               BLOB NOT NULL,
    hits               INTEGER NOT NULL,
    processes          INTEGER NOT NULL,
    function           BLOB NOT NULL,
    caller             BLOB NOT NULL,
    first_seen_micros  INTEGER NOT NULL,
    last_seen_micros   INTEGER NOT NULL,
    UNIQUE (name, file, line, service, host)
) STRICT;

-- What else came with the last hit, in the order it was told.
CREATE TABLE ping_context (
    ping      INTEGER NOT NULL REFERENCES ping (id),
    position  INTEGER NOT NULL,
    key       BLOB NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (ping, position)
) STRICT, WITHOUT ROWID;
