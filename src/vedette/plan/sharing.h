#pragma once

#include <span>
#include <string>
#include <vector>

#include "vedette/plan/wish.h"

namespace vedette::plan {

struct User {
  std::string application;
  std::string module;  ///< as that application calls it

  friend bool operator==(const User&, const User&) = default;
};

/// A camera that runs once for everybody who wants it.
struct Stream {
  std::string key;       ///< 16 hex digits, of name, settings and pin
  std::string name;
  std::string settings;
  Pin pin;
  double fps = 0;
  std::vector<std::string> users;  ///< applications, sorted

  friend bool operator==(const Stream&, const Stream&) = default;
};

/// A module that runs once for everybody who wants it; for each of its streams in one place.
struct Stage {
  std::string key;       ///< 16 hex digits, of everything that decides what comes out
  std::string name;      ///< as its first user calls it
  std::string type;
  std::string settings;
  Scope scope = Scope::kStateless;
  bool sink = false;
  bool reads_pixels = false;
  bool reads_crops = false;
  Pin pin;
  std::vector<std::string> inputs;   ///< keys of stages, or kSource; sorted
  std::vector<std::string> streams;  ///< keys of the streams that pass through, sorted: those of all its users
  std::vector<User> users;           ///< sorted by application

  friend bool operator==(const Stage&, const Stage&) = default;
};

/// The streams of a stage that one application wants there are that application's own streams.
struct Shared {
  std::vector<Stream> streams;  ///< sorted by key
  std::vector<Stage> stages;    ///< from the sources to the sinks
  std::vector<size_t> by_key;      ///< indices of stages, sorted by key, for find_stage()
  std::vector<std::string> notes;  ///< what its owners might want to know: the same camera under two names, say

  const Stage* find_stage(std::string_view key) const;
  const Stream* find_stream(std::string_view key) const;

  friend bool operator==(const Shared&, const Shared&) = default;
};

/// Merges applications: modules of the same type, settings, pin and inputs become one stage, from the sources on
/// (paper 001 §3.2.3, case B). Sinks stay their application's own; so do modules of kGlobal scope unless their
/// applications have the same sources, and everything of an application that does not share, against other tenants.
/// Pure and independent of the order of the applications. An observation of a stream flows along an edge when both of
/// its ends have that stream. Names of applications, and of modules and sources within one, must be unique and the
/// modules acyclic (asserted).
///
/// Keys are the first 64 bits of a SHA-256, so that nobody can make up settings that get at another tenant's module. A
/// sink's key holds its name, and not its streams: it goes on when its application gains a camera.
Shared share(std::span<const ApplicationWish> applications);

/// The key under which `module` of the application runs in share(); empty when there is no such module. For a source:
/// its stream's key.
std::string stage_key(const ApplicationWish& application, std::string_view module);
std::string stream_key(const SourceWish& source);
/// Of all modules, in the application's order.
std::vector<std::string> stage_keys(const ApplicationWish& application);

}  // namespace vedette::plan
