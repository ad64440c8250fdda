//! PostgreSQL: waiting for the server, poolers, privileges, migrations.

mod pooler;
mod prepare;
mod privileges;
mod refusal;

pub(super) use prepare::{lock_migrations, prepare};
