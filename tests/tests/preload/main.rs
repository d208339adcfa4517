//! Lists of what to preload: proved by pasting them into real daemons, and by names that would break out
//! of them.
//!
//! A new ecosystem is a file in `report/src/preload/`, a daemon in `pasted` and names in `hostile`.

mod hostile;
mod pasted;
