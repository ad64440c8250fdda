//! Settings and the start of the program: `src/config`.

mod serving;
mod settings;
mod settings_table;
mod sources;
mod start;
mod start_warnings;
