#pragma once

namespace CLI {
class App;
}

namespace vedette::cli {

/// Adds `vedette token`:
///   key FILE                                                   makes a secret key that tokens are signed with
///   create --key FILE --name NAME --role ROLE [--tenant T] [--expires 30d]      prints a token
///   show TOKEN|- [--key FILE]                                  what a token says; with a key, whether it is good
/// The callbacks throw vedette::Error.
void add_token_command(CLI::App& parent);

}  // namespace vedette::cli
