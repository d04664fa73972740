// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "admission/review.h"
#include "admission/world.h"
#include "cache/store.h"
#include "kube/client.h"
#include "serving/http_message.h"
#include "support/clock.h"
#include "support/log.h"

namespace vnic::admission {

inline constexpr char kPath[] = "/validate";

// The validating webhook of VnicProfiles and Vnics: what one object cannot decide alone, so that
// the CRD's rules cannot say it. It knows the objects from the caches and asks the API server only
// for those that a verdict rests on. It changes nothing, and of what it does not know it says
// nothing.
class Webhook {
 public:
  struct Ports {
    const cache::Store<api::VnicProfile>& profiles;
    const cache::Store<api::Vnic>& vnics;
    kube::Client& client;  // has to answer soon or fail: the API server waits for us meanwhile
    const Clock& clock;
  };

  Webhook(Ports ports, prometheus::Registry& metrics, const Logger& log);

  // 200 with an answer, 400 for a body that is no question, 415 for one that is not JSON.
  serving::Response handle(const serving::Request& request);

 private:
  serving::Response respond(const serving::Request& request);
  Result<Verdict> judge(const Question& question);
  // `judgeIn` is asked again as long as what it rests on turns out to be another way.
  template <class JudgeIn>
  Verdict judgeSurely(JudgeIn judgeIn);

  Ports ports_;
  Logger log_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Histogram& seconds_;
};

}  // namespace vnic::admission
