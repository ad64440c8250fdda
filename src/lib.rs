#![doc = include_str!("../README.md")]

pub mod auth;
pub mod bcrypt_lanes;
pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
pub mod http;
pub mod i18n;
pub mod logging;
pub mod mail;
pub mod ownership;
pub mod server;
