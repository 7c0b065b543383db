#include "vedette/cli/local_reporter.h"

#include "vedette/net/message.h"

namespace vedette::cli {

node::Answer LocalReporter::report(const plan::NodeReport& report, Duration wait) {
  try {
    auto answer = controller_.report(report, wait);
    const auto status = controller_.status();
    return {.lease_seconds = status.lease_seconds,
            .plan = answer.plan ? std::optional(*answer.plan) : std::nullopt,
            .controller = status.name};
  } catch (const net::HttpError& e) {  // another living node of this name
    throw node::Refused(e.code(), e.what(), e.hint());
  }
}

}  // namespace vedette::cli
