#include "vedette/fleet/etcd_client.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;

constexpr size_t kMaxAnswerBytes = 256u << 20;

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::string from_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3 + 1, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) throw Error(ErrorCode::kInvalidData, "etcd answered with what is no base64");
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<size_t>(length) - padding);
  return bytes;
}

/// The gateway writes 64-bit numbers as strings, and leaves zeros out.
uint64_t number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return 0;
  if (found->is_number()) return found->get<uint64_t>();
  const auto text = found->get<std::string>();
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

EtcdClient::Held first_of(const json& answer) {
  const json kvs = answer.value("kvs", json::array());
  if (kvs.empty()) return {};
  return {true, from_base64(kvs[0].value("value", "")), number(kvs[0], "create_revision")};
}

/// The smallest key above all that begin with `prefix` (etcd's way to say a prefix).
std::string range_end(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

EtcdClient::EtcdClient(const std::string& urls, const net::TlsFiles& tls, std::chrono::milliseconds timeout) {
  for (size_t at = 0; at <= urls.size();) {
    const size_t comma = std::min(urls.find(',', at), urls.size());
    if (comma > at) {
      endpoints_.emplace_back(net::ClientOptions{.url = urls.substr(at, comma - at),
                                                 .peer = "etcd",
                                                 .tls = tls,
                                                 .token = {},
                                                 .connect_timeout = timeout,
                                                 .total_timeout = timeout,
                                                 .max_answer_bytes = kMaxAnswerBytes});
    }
    at = comma + 1;
  }
  if (endpoints_.empty())
    throw Error(ErrorCode::kUsage, "the store 'etcd:' names no URL", "etcd:http://127.0.0.1:2379");
}

json EtcdClient::call(const std::string& path, const json& body, std::stop_token stop) {
  std::string reason;
  for (size_t tried = 0; tried < endpoints_.size(); ++tried) {
    net::Client& endpoint = endpoints_[current_];
    try {
      const json answer = json::parse(endpoint.post(path, body.dump(), "application/json", stop).body);
      if (!answer.is_object()) throw Error(ErrorCode::kInvalidData, "etcd answered with no map");
      return answer;
    } catch (const json::exception&) {
      reason = endpoint.url() + " answered with what is no JSON";
    } catch (const Error& e) {
      if (stop.stop_requested()) throw;
      reason = e.what();
      if (e.code() == ErrorCode::kUsage) throw Error(ErrorCode::kInternal, "etcd refused: " + reason);
    }
    current_ = (current_ + 1) % endpoints_.size();
  }
  throw Error(ErrorCode::kUnavailable, reason, "is etcd running?");
}

std::vector<Store::Entry> EtcdClient::range(const std::string& prefix, std::stop_token stop) {
  const json answer = call("/v3/kv/range",
                           {{"key", to_base64(prefix)},
                            {"range_end", to_base64(range_end(prefix))},
                            {"sort_target", "KEY"},
                            {"sort_order", "ASCEND"}},
                           stop);
  std::vector<Store::Entry> entries;
  for (const json& kv : answer.value("kvs", json::array()))
    entries.push_back(
        {from_base64(kv.value("key", "")), from_base64(kv.value("value", "")), number(kv, "mod_revision")});
  return entries;
}

EtcdClient::Held EtcdClient::get(const std::string& key, std::stop_token stop) {
  return first_of(call("/v3/kv/range", {{"key", to_base64(key)}}, stop));
}

EtcdClient::Held EtcdClient::put_if_absent(const std::string& key, const std::string& value, int64_t lease,
                                           std::stop_token stop) {
  const std::string name = to_base64(key);
  const json read = {{"request_range", {{"key", name}}}};
  const json answer = call(
      "/v3/kv/txn",
      {{"compare", json::array({{{"key", name}, {"target", "CREATE"}, {"result", "EQUAL"}, {"create_revision", "0"}}})},
       {"success",
        json::array(
            {{{"request_put", {{"key", name}, {"value", to_base64(value)}, {"lease", std::to_string(lease)}}}}, read})},
       {"failure", json::array({read})}},
      stop);
  const json responses = answer.value("responses", json::array());
  if (responses.empty()) throw Error(ErrorCode::kInternal, "etcd answered a transaction without its results");
  return first_of(responses.back().value("response_range", json::object()));
}

EtcdClient::Outcome EtcdClient::commit(std::span<const Store::Write> writes, const std::string& prefix,
                                       const std::string& fence, uint64_t fence_created) {
  json compare = json::array({{{"key", to_base64(fence)},
                               {"target", "CREATE"},
                               {"result", "EQUAL"},
                               {"create_revision", std::to_string(fence_created)}}});
  json operations = json::array();
  for (const auto& write : writes) {
    const std::string key = to_base64(prefix + write.key);
    if (write.expected)
      compare.push_back(
          {{"key", key}, {"target", "MOD"}, {"result", "EQUAL"}, {"mod_revision", std::to_string(*write.expected)}});
    if (write.value) {
      operations.push_back({{"request_put", {{"key", key}, {"value", to_base64(*write.value)}}}});
    } else {
      operations.push_back({{"request_delete_range", {{"key", key}}}});
    }
  }
  const json answer = call("/v3/kv/txn",
                           {{"compare", compare},
                            {"success", operations},
                            {"failure", json::array({{{"request_range", {{"key", to_base64(fence)}}}}})}},
                           {});
  if (answer.value("succeeded", false)) return Outcome::kDone;
  const json responses = answer.value("responses", json::array());
  const Held held = responses.empty() ? Held{} : first_of(responses.front().value("response_range", json::object()));
  return held.exists && held.created == fence_created ? Outcome::kDiffers : Outcome::kFenced;
}

int64_t EtcdClient::grant(int64_t seconds, std::stop_token stop) {
  const json answer = call("/v3/lease/grant", {{"TTL", std::to_string(seconds)}}, stop);
  const uint64_t id = number(answer, "ID");
  if (id == 0) throw Error(ErrorCode::kInternal, "etcd granted no lease");
  return static_cast<int64_t>(id);
}

bool EtcdClient::keep_alive(int64_t lease, std::stop_token stop) {
  const json answer = call("/v3/lease/keepalive", {{"ID", std::to_string(lease)}}, stop);
  return number(answer.value("result", json::object()), "TTL") > 0;
}

void EtcdClient::revoke(int64_t lease) { call("/v3/lease/revoke", {{"ID", std::to_string(lease)}}, {}); }

}  // namespace vedette::fleet
