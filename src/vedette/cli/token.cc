#include "vedette/cli/token.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/net/authority.h"
#include "vedette/net/token.h"

namespace vedette::cli {
namespace {

constexpr std::chrono::seconds kLongest = std::chrono::hours(24) * 3650;

/// "30d", "12h", "90m", "45s", "2w".
std::chrono::seconds parse_lifetime(const std::string& text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string unit(end, text.data() + text.size());
  const int64_t seconds = unit == "s"   ? 1
                          : unit == "m" ? 60
                          : unit == "h" ? 3600
                          : unit == "d" ? 86'400
                          : unit == "w" ? 604'800
                                        : 0;
  if (error != std::errc() || seconds == 0 || count < 1 || count > kLongest.count() / seconds) {
    throw Error(ErrorCode::kUsage, fmt::format("--expires {} is no time span", text),
                "a number and s, m, h, d or w, of ten years at most: 30d");
  }
  return std::chrono::seconds(count * seconds);
}

struct TokenArguments {
  std::string key;
  std::string name;
  std::string role;
  std::string tenant;
  std::string expires = "30d";
  std::string token;
};

void create(const TokenArguments& arguments) {
  const auto role = net::role_of(arguments.role);
  if (!role) {
    throw Error(ErrorCode::kUsage, fmt::format("there is no role '{}'", arguments.role),
                did_you_mean(arguments.role, net::role_names()));
  }
  const auto lifetime = parse_lifetime(arguments.expires);
  const net::Authority authority({arguments.key, "", 60});
  const std::string text = authority.issue(arguments.name, *role, arguments.tenant, lifetime);
  const net::Token token = net::read_token(text);
  fmt::print(stderr, "token {} of '{}': {} of {}, until {}\n", token.id, token.name, to_string(token.role),
             token.tenant.empty() ? "all tenants" : "tenant '" + token.tenant + "'",
             net::to_seconds_text(token.expires));
  fmt::print("{}\n", text);
}

void show(const TokenArguments& arguments) {
  std::string text = arguments.token;
  if (text == "-" && !std::getline(std::cin, text)) {
    throw Error(ErrorCode::kUsage, "no token came on standard input");
  }
  const net::Token token = net::read_token(text);
  nlohmann::ordered_json json = {{"id", token.id},
                                 {"name", token.name},
                                 {"role", to_string(token.role)},
                                 {"tenant", token.tenant},
                                 {"issued", net::to_seconds_text(token.issued)},
                                 {"expires", net::to_seconds_text(token.expires)}};
  fmt::print("{}\n", json.dump(2));
  if (arguments.key.empty()) {
    fmt::print(stderr, "the signature was not checked: name the key with --key FILE\n");
  } else {
    net::Authority({arguments.key, "", 60}).verify(text);
  }
}

}  // namespace

void add_token_command(CLI::App& parent) {
  auto arguments = std::make_shared<TokenArguments>();
  CLI::App* command = parent.add_subcommand("token", "Make and read tokens, by which users and nodes are let in");
  command->require_subcommand(1);

  CLI::App* key = command->add_subcommand("key", "Make a secret key that tokens are signed with");
  key->add_option("file", arguments->key, "Where to write it, readable by its owner only")->required();
  key->final_callback([arguments] { net::make_key_file(arguments->key); });

  CLI::App* make = command->add_subcommand("create", "Print a new token");
  make->add_option("--key", arguments->key, "Key file, made by vedette token key")->required();
  make->add_option("--name", arguments->name, "Whom or what it is for, as logs show it")->required();
  make->add_option("--role", arguments->role, "viewer, operator, admin or node")->required();
  make->add_option("--tenant", arguments->tenant, "Only this tenant's applications; all when absent");
  make->add_option("--expires", arguments->expires, "How long it is good: 30d, 12h, …")->capture_default_str();
  make->final_callback([arguments] { create(*arguments); });

  CLI::App* read = command->add_subcommand("show", "Print what a token says");
  read->add_option("token", arguments->token, "The token, or - for standard input")->required();
  read->add_option("--key", arguments->key, "Check its signature and times with this key file");
  read->final_callback([arguments] { show(*arguments); });
}

}  // namespace vedette::cli
