#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "vedette/net/tls.h"

namespace vedette::net {

/// Certificates that tools/dev/certificates.sh makes once a test program: "server", "client" and the expired "old" of
/// one authority, and "stranger" of another.
class TestCertificates {
 public:
  static const TestCertificates& get() {
    static const TestCertificates made;
    return made;
  }
  TlsFiles of(const std::string& name) const {
    const std::string folder = folder_ + (name == "stranger" ? "/other/" : "/");
    return {folder + name + ".pem", folder + name + "-key.pem", folder + "authority.pem"};
  }
  /// A certificate of one authority whose owner trusts another.
  TlsFiles of(const std::string& name, const std::string& trusting) const {
    TlsFiles files = of(name);
    files.authority = of(trusting).authority;
    return files;
  }

 private:
  TestCertificates() : folder_(testing::TempDir() + "vedette-certificates-" + std::to_string(::getpid())) {
    const std::string script = std::string(VEDETTE_SOURCE_DIR) + "/tools/dev/certificates.sh ";
    run(script + folder_ + " server=cameras.example client");
    run(script + "--days -3 " + folder_ + " old");
    run(script + folder_ + "/other stranger");
  }
  ~TestCertificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  static void run(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0) << command; }
  std::string folder_;
};

}  // namespace vedette::net
