#include "vedette/plan/sharing.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <unordered_map>

#include "vedette/base/error.h"

namespace vedette::plan {
namespace {

/// Fields, each with its length before it, become a key.
class KeyMaker {
 public:
  KeyMaker()
      : digest_(EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free), context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    VEDETTE_ASSERT(digest_ && context_);
  }

  KeyMaker& add(std::string_view text) {
    fmt::format_to(std::back_inserter(fields_), "{}:", text.size());
    fields_.append(text);
    return *this;
  }
  KeyMaker& add(const Pin& pin) {
    add(pin.node);
    for (const auto& [label, value] : pin.labels) add(label).add(value);
    return add("pinned");
  }
  template <typename List>
  KeyMaker& add_all(const List& texts) {
    for (const auto& text : texts) add(text);
    return add("all");
  }

  std::string key() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    VEDETTE_ASSERT(EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1 &&
                   EVP_DigestUpdate(context_.get(), fields_.data(), fields_.size()) == 1 &&
                   EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr) == 1);
    fields_.clear();
    std::string out;
    for (size_t i = 0; i < 8; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", hash[i]);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> digest_;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  std::string fields_;
};

std::string key_of(const SourceWish& source, KeyMaker& maker) {
  return maker.add("stream").add(source.name).add(source.settings).add(source.pin).key();
}

/// One application's modules under their keys.
struct Keyed {
  std::vector<std::string> streams;              // of the sources, in their order
  std::vector<std::string> keys;                 // of the modules, in their order
  std::vector<std::vector<std::string>> inputs;  // keys, sorted, each once
  std::vector<int> depth;                        // the longest way from a source
};

Keyed keys_of(const ApplicationWish& application, KeyMaker& maker) {
  Keyed out;
  for (const auto& source : application.sources) out.streams.push_back(key_of(source, maker));
  std::vector<std::string> sorted_streams = out.streams;
  std::sort(sorted_streams.begin(), sorted_streams.end());
  const std::string streams_key = maker.add("streams").add_all(sorted_streams).key();

  const auto& modules = application.modules;
  std::unordered_map<std::string_view, size_t> index;
  for (size_t i = 0; i < modules.size(); ++i) VEDETTE_ASSERT(index.emplace(modules[i].name, i).second);
  out.keys.resize(modules.size());
  out.inputs.resize(modules.size());
  out.depth.assign(modules.size(), 0);
  std::vector<size_t> waiting(modules.size(), 0);  // inputs that have no key yet
  std::vector<std::vector<size_t>> readers(modules.size());
  std::vector<size_t> ready;
  for (size_t i = 0; i < modules.size(); ++i) {
    for (const auto& input : modules[i].inputs) {
      if (input == kSource) continue;
      const auto found = index.find(input);
      VEDETTE_ASSERT(found != index.end());
      readers[found->second].push_back(i);
      ++waiting[i];
    }
    if (waiting[i] == 0) ready.push_back(i);
  }
  for (size_t done = 0; done < ready.size(); ++done) {
    const size_t i = ready[done];
    const ModuleWish& module = modules[i];
    std::set<std::string> inputs;  // edges are a set
    for (const auto& input : module.inputs) {
      if (input == kSource) {
        inputs.insert(kSource);
      } else {
        inputs.insert(out.keys[index.at(input)]);
        out.depth[i] = std::max(out.depth[i], out.depth[index.at(input)] + 1);
      }
    }
    out.inputs[i].assign(inputs.begin(), inputs.end());
    maker.add("stage").add(module.type).add(module.settings).add(module.pin);
    // A sink stays the same one when what it reads changes: its file and its state outlive a change upstream.
    if (!module.sink) maker.add_all(inputs);
    maker.add(module.scope == Scope::kStateless   ? "stateless"
              : module.scope == Scope::kPerStream ? "stream"
                                                  : "global");
    if (module.sink) {
      maker.add("sink").add(application.name).add(module.name);
    } else if (module.scope == Scope::kGlobal) {
      maker.add(streams_key);
    }
    if (!application.share) maker.add("tenant").add(application.tenant);
    out.keys[i] = maker.key();
    for (const size_t reader : readers[i])
      if (--waiting[reader] == 0) ready.push_back(reader);
  }
  VEDETTE_ASSERT(ready.size() == modules.size());  // no circle
  return out;
}

void sort_unique(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

std::string joined(const std::set<std::string>& texts) { return fmt::format("{}", fmt::join(texts, ", ")); }

/// The same camera under two names runs twice, and so does a name that stands for two cameras: mostly oversights.
std::vector<std::string> notes_on(const std::vector<Stream>& streams) {
  std::map<std::string_view, std::set<std::string>> names;
  std::map<std::string_view, std::vector<const Stream*>> namesakes;
  for (const auto& stream : streams) {
    names[stream.settings].insert(stream.name);
    namesakes[stream.name].push_back(&stream);
  }
  std::vector<std::string> notes;
  for (const auto& [settings, same] : names)
    if (same.size() > 1)
      notes.push_back(
          fmt::format("sources {} have the same settings: under one name they would run once", joined(same)));
  for (const auto& [name, same] : namesakes) {
    if (same.size() < 2) continue;
    std::set<std::string> users;
    for (const auto* stream : same) users.insert(stream->users.begin(), stream->users.end());
    notes.push_back(
        fmt::format("source {} has different settings in {}: it runs {} times", name, joined(users), same.size()));
  }
  std::sort(notes.begin(), notes.end());
  return notes;
}

}  // namespace

const Stage* Shared::find_stage(std::string_view key) const {
  if (by_key.size() != stages.size()) {  // put together by hand
    const auto found = std::find_if(stages.begin(), stages.end(), [&](const Stage& stage) { return stage.key == key; });
    return found == stages.end() ? nullptr : &*found;
  }
  const auto found = std::lower_bound(by_key.begin(), by_key.end(), key,
                                      [&](size_t i, std::string_view wanted) { return stages[i].key < wanted; });
  return found == by_key.end() || stages[*found].key != key ? nullptr : &stages[*found];
}

const Stream* Shared::find_stream(std::string_view key) const {
  const auto found =
      std::lower_bound(streams.begin(), streams.end(), key,
                       [](const Stream& stream, std::string_view wanted) { return stream.key < wanted; });
  return found == streams.end() || found->key != key ? nullptr : &*found;
}

Shared share(std::span<const ApplicationWish> applications) {
  KeyMaker maker;
  struct Building {
    Stage stage;
    int depth = 0;
  };
  std::unordered_map<std::string, Stream> streams;
  std::unordered_map<std::string, Building> stages;
  for (const auto& application : applications) {
    const Keyed keyed = keys_of(application, maker);
    for (size_t i = 0; i < application.sources.size(); ++i) {
      const auto& wish = application.sources[i];
      auto& stream = streams[keyed.streams[i]];
      stream.key = keyed.streams[i];
      stream.name = wish.name;
      stream.settings = wish.settings;
      stream.pin = wish.pin;
      stream.fps = std::max(stream.fps, wish.fps);
      stream.users.push_back(application.name);
    }
    for (size_t i = 0; i < application.modules.size(); ++i) {
      const auto& wish = application.modules[i];
      auto& [stage, depth] = stages[keyed.keys[i]];
      stage.key = keyed.keys[i];
      stage.type = wish.type;
      stage.settings = wish.settings;
      stage.scope = wish.scope;
      stage.sink = wish.sink;
      stage.reads_pixels |= wish.reads_pixels;
      stage.reads_crops |= wish.reads_crops;
      stage.pin = wish.pin;
      stage.inputs = keyed.inputs[i];
      stage.streams.insert(stage.streams.end(), keyed.streams.begin(), keyed.streams.end());
      stage.users.push_back({application.name, wish.name});
      depth = keyed.depth[i];
    }
  }

  Shared out;
  for (auto& [key, stream] : streams) {
    sort_unique(stream.users);
    out.streams.push_back(std::move(stream));
  }
  std::sort(out.streams.begin(), out.streams.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  std::vector<Building*> order;
  for (auto& [key, building] : stages) order.push_back(&building);
  std::sort(order.begin(), order.end(), [](const Building* a, const Building* b) {
    return a->depth != b->depth ? a->depth < b->depth : a->stage.key < b->stage.key;
  });
  for (auto* building : order) {
    auto& stage = building->stage;
    sort_unique(stage.streams);
    std::sort(stage.users.begin(), stage.users.end(), [](const User& a, const User& b) {
      return std::tie(a.application, a.module) < std::tie(b.application, b.module);
    });
    stage.name = stage.users.front().module;
    out.stages.push_back(std::move(stage));
  }
  for (size_t i = 0; i < out.stages.size(); ++i) out.by_key.push_back(i);
  std::sort(out.by_key.begin(), out.by_key.end(),
            [&](size_t a, size_t b) { return out.stages[a].key < out.stages[b].key; });
  out.notes = notes_on(out.streams);
  return out;
}

std::vector<std::string> stage_keys(const ApplicationWish& application) {
  KeyMaker maker;
  return keys_of(application, maker).keys;
}

std::string stage_key(const ApplicationWish& application, std::string_view module) {
  KeyMaker maker;
  for (const auto& source : application.sources)
    if (source.name == module) return key_of(source, maker);
  for (size_t i = 0; i < application.modules.size(); ++i)
    if (application.modules[i].name == module) return keys_of(application, maker).keys[i];
  return {};
}

std::string stream_key(const SourceWish& source) {
  KeyMaker maker;
  return key_of(source, maker);
}

}  // namespace vedette::plan
