//! The running process: its log, its listeners, systemd, and its stop: `src/server`.

mod logs;
mod operator;
mod stopping;
mod systemd;
