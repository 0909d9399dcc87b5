//! `identity` as an operation. Its files are read when it is asked, so that `--api` shows nothing of them.

use super::super::args::{HandedArgs, IdentityCommand, InstallArgs};
use super::super::invocation::{HandedPaths, Invocation};
use crate::operation::{
    GenerateIdentity, HandedFile, HandedIdentity, IdentityQuery, ImportIdentity, InstallIdentity, Operation,
    RotateIdentity,
};

pub(super) fn ask(command: IdentityCommand) -> Invocation {
    match command {
        IdentityCommand::Show => Invocation::once(IdentityQuery),
        IdentityCommand::Generate(args) => Invocation::once(GenerateIdentity {
            subject: args.subject,
            key_type: args.key_type.map(Into::into),
            replace: args.replace,
        }),
        IdentityCommand::Install(args) => install(args),
        IdentityCommand::Import(args) => handed(args, |identity| ImportIdentity(identity).into()),
        IdentityCommand::Rotate(args) => handed(args, |identity| RotateIdentity(identity).into()),
    }
}

fn install(InstallArgs { certificate, chain, unchecked }: InstallArgs) -> Invocation {
    let operation = InstallIdentity { certificate: HandedFile::default(), chain: None, unchecked };
    let paths = HandedPaths { certificate: Some(certificate), chain, ..HandedPaths::default() };
    Invocation { handed: Some(paths), ..Invocation::once(operation) }
}

fn handed(args: HandedArgs, operation: fn(HandedIdentity) -> Operation) -> Invocation {
    let identity = HandedIdentity { unchecked: args.unchecked, ..HandedIdentity::default() };
    let paths = HandedPaths {
        key: args.key,
        certificate: args.cert,
        pkcs12: args.pkcs12,
        passphrase: args.passphrase_file,
        remove: args.remove_source,
        ..HandedPaths::default()
    };
    Invocation { handed: Some(paths), ..Invocation::once(operation(identity)) }
}
