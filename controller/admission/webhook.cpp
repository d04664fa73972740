// SPDX-License-Identifier: Apache-2.0
#include "admission/webhook.h"

#include <string>
#include <string_view>
#include <utility>

#include "admission/profile_admission.h"
#include "admission/vnic_admission.h"
#include "admission/witnesses.h"
#include "api/names.h"
#include "reconcile/vnic/namespace_access.h"

namespace vnic::admission {
namespace {

using namespace std::chrono_literals;

// Of the 5 s that the API server waits for us (ValidatingWebhookConfiguration).
constexpr Duration kPatience = 2s;

constexpr char kText[] = "text/plain; charset=utf-8";

// controller-runtime's names, so that stock dashboards show this webhook, too.
prometheus::Family<prometheus::Counter>& requestFamily(prometheus::Registry& registry) {
  return prometheus::BuildCounter()
      .Name("controller_runtime_webhook_requests_total")
      .Help("Total number of admission requests by HTTP status code.")
      .Register(registry);
}

prometheus::Histogram& latency(prometheus::Registry& registry) {
  return prometheus::BuildHistogram()
      .Name("controller_runtime_webhook_latency_seconds")
      .Help("Histogram of the latency of processing admission requests")
      .Register(registry)
      .Add({{"webhook", kPath}}, prometheus::Histogram::BucketBoundaries{0.001, 0.005, 0.01, 0.05,
                                                                         0.1, 0.25, 0.5, 1, 2, 5});
}

bool isJson(const serving::Request& request) {
  const auto header = request.headers.find("content-type");
  return header != request.headers.end() &&
         std::string_view(header->second).substr(0, header->second.find(';')) == "application/json";
}

// Before and after; one of the two is missing for what is new or goes.
template <class T>
struct Change {
  std::optional<T> before, after;
};

template <class T>
Status decodeInto(const std::optional<simdjson::dom::element>& object, const char* name,
                  std::optional<T>& target) {
  if (!object) return fail(Error::invalid(std::string("request.") + name + ": must be set"));
  auto decoded = T::decode(*object);
  if (!decoded) return fail(decoded.error());
  target = std::move(*decoded);
  return {};
}

template <class T>
Result<Change<T>> changeIn(const Question& question) {
  Change<T> change;
  if (question.operation != Operation::Create) {
    if (auto s = decodeInto(question.oldObject, "oldObject", change.before); !s)
      return fail(s.error());
  }
  if (question.operation != Operation::Delete) {
    if (auto s = decodeInto(question.object, "object", change.after); !s) return fail(s.error());
  }
  return change;
}

template <class T>
const T* pointer(const std::optional<T>& value) {
  return value ? &*value : nullptr;
}

}  // namespace

Webhook::Webhook(Ports ports, prometheus::Registry& metrics, const Logger& log)
    : ports_(ports), log_(log), requests_(requestFamily(metrics)), seconds_(latency(metrics)) {
  // There from the beginning, as controller-runtime has them.
  for (const char* code : {"200", "500"}) requests_.Add({{"webhook", kPath}, {"code", code}});
}

serving::Response Webhook::handle(const serving::Request& request) {
  const MonoTime begin = ports_.clock.now();
  serving::Response response = respond(request);
  seconds_.Observe(std::chrono::duration<double>(ports_.clock.now() - begin).count());
  requests_.Add({{"webhook", kPath}, {"code", std::to_string(response.status)}}).Increment();
  return response;
}

serving::Response Webhook::respond(const serving::Request& request) {
  if (!isJson(request)) return {415, kText, "The body must be application/json\n"};
  QuestionReader reader;
  const auto question = reader.read(request.body);
  if (!question) return {400, kText, question.error().message + "\n"};
  const auto verdict = judge(*question);
  if (!verdict) return {400, kText, verdict.error().message + "\n"};
  if (!verdict->refusals.empty()) {
    log_.info("Refused a change", {{"kind", question->kind},
                                   {"object", question->name},
                                   {"reason", verdict->refusals.front().reason}});
  }
  return {200, "application/json", answer(*question, *verdict)};
}

template <class JudgeIn>
Verdict Webhook::judgeSurely(JudgeIn judgeIn) {
  World world{ports_.profiles.list(), ports_.vnics.list()};
  Witnesses witnesses(ports_.client, ports_.clock, ports_.clock.now() + kPatience);
  Verdict verdict = judgeIn(world);
  while (witnesses.ask(verdict, world)) verdict = judgeIn(world);
  return verdict;
}

Result<Verdict> Webhook::judge(const Question& question) {
  if (question.group != api::kGroup || question.operation == Operation::Other) return Verdict{};
  if (question.resource == api::VnicProfile::resource.plural) {
    const auto change = changeIn<api::VnicProfile>(question);
    if (!change) return fail(change.error());
    return judgeSurely([&](const World& world) {
      return judgeProfile(pointer(change->before), pointer(change->after), world);
    });
  }
  if (question.resource == api::Vnic::resource.plural) {
    const auto change = changeIn<api::Vnic>(question);
    if (!change) return fail(change.error());
    return judgeSurely([&](const World& world) {
      return judgeVnic(pointer(change->before), pointer(change->after), world,
                       [this](const api::AllowedNamespaces& allowed, const std::string& ns) {
                         return reconcile::vnic::mayUse(ports_.client, allowed, ns);
                       });
    });
  }
  return Verdict{};
}

}  // namespace vnic::admission
