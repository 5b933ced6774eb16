//! The hosts that the product needs, and what answers there.

mod certificate;
mod connect;
mod http;
mod tls;
mod trust;
