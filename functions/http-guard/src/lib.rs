//! HTTP to addresses that somebody else chose, without reaching what is private.
