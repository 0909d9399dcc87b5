//! People: whoever sets up, sells, looks for a fault or tries things out is told what to do, in words that are true.

mod bug_report;
mod clients;
mod command_lines;
mod completions;
mod doctor;
mod documents;
mod named_socket;
mod native_client;
mod owner;
mod phone;
mod python;
mod readme;
mod sandbox_tour;
mod setup;
mod shop_troubles;
mod terminal;
mod told_commands;
mod troubleshooting;
mod web_till;
