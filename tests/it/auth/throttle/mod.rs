//! Guessing of passwords: how it is slowed down, and for whom it is not.

mod arithmetic;
mod attacks;
mod instances;
mod logins;
mod program;
mod round_trips;
mod statements;
mod table;
