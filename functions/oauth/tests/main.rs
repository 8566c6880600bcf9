//! Tokens and keys from a provider on this machine, asked as the real one is: by HTTPS, through the guard.

#![allow(unreachable_pub)] // What the world offers; nobody but this program reaches it.

mod cryptography;
mod jwts;
mod keys;
mod tokens;
mod world;
