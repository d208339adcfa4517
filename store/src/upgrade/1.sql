-- From version 1: paths stand once, trees can be folded.

ALTER TABLE tree ADD COLUMN trees INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tree ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
DROP INDEX tree_last_seen;
CREATE INDEX tree_state ON tree (state, last_seen_micros);
CREATE INDEX tree_kept ON tree (program) WHERE state = 3;

ALTER TABLE role ADD COLUMN trees INTEGER NOT NULL DEFAULT 1;
ALTER TABLE role ADD COLUMN rank INTEGER;
ALTER TABLE role ADD COLUMN seen_micros INTEGER NOT NULL DEFAULT 0;
CREATE INDEX role_parent ON role (parent);

ALTER TABLE fork ADD COLUMN resident_micros INTEGER;
ALTER TABLE fork ADD COLUMN looked_micros INTEGER;

ALTER TABLE missing ADD COLUMN last_seen_micros INTEGER NOT NULL DEFAULT 0;
UPDATE missing SET last_seen_micros =
    (SELECT tree.last_seen_micros FROM role JOIN tree ON tree.id = role.tree WHERE role.id = missing.role);

ALTER TABLE interpreter RENAME TO interpreter_1;
CREATE TABLE interpreter (
    tree      INTEGER NOT NULL REFERENCES tree (id),
    language  TEXT NOT NULL,
    version   BLOB NOT NULL,
    no_lines  TEXT NOT NULL,
    PRIMARY KEY (tree, language, version, no_lines)
) STRICT, WITHOUT ROWID;
INSERT INTO interpreter SELECT tree, language, version, no_lines FROM interpreter_1;
DROP TABLE interpreter_1;

CREATE TABLE file (
    id    INTEGER PRIMARY KEY,
    path  BLOB NOT NULL UNIQUE
) STRICT;
INSERT INTO file (path) SELECT path FROM load GROUP BY path ORDER BY min(id);
-- Renamed the other way around: stacks refer to `load`, and would go on referring to the old table.
CREATE TABLE load_2 (
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
INSERT INTO load_2
SELECT load.id, role, file.id, kind, name, language, outcome, via, pulled_in_by, events, processes, bytes, nanos, respawned, spans, span_nanos, span_cpu_nanos, span_faults, bound_nanos, first_seen_micros, last_seen_micros
FROM load JOIN file ON file.path = load.path ORDER BY load.id;
DROP TABLE load;
ALTER TABLE load_2 RENAME TO load;
