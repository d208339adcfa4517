//! Perl: its frames against what `caller` tells.

mod account;
mod impostors;
mod places;
mod servers;
