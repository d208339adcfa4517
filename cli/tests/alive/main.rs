//! `alive` as a user meets it. Where a new test belongs:
//!
//! * [`run`]: what `alive run` does around the command it traces;
//! * [`signals`]: what reaches the command and what does not;
//! * [`target`]: commands that cannot be traced;
//! * [`check`]: the gate against new late loads;
//! * [`report`]: databases that cannot be read, or hold nothing;
//! * [`pictures`]: pages and flame graphs;
//! * [`live`]: what follows a collector;
//! * [`diff`]: databases that cannot be compared;
//! * [`words`]: help and usage errors, one file for each below `words/`.

mod check;
mod diff;
mod live;
mod pictures;
mod report;
mod run;
mod scene;
mod signals;
mod target;
mod terminal;
mod words;
