// SPDX-License-Identifier: Apache-2.0
#include "reconcile/vnic/vm_search.h"

#include <gtest/gtest.h>

namespace vnic::reconcile::vnic {
namespace {

using hypervisor::DomainState;
using Verdict = VmSearch::Verdict;

struct Seen {
  std::string host;
  DomainState state = DomainState::Running;
  std::string ns = "team-a";
  std::string name = "db";
};

class Hosts {
 public:
  Hosts& answers(const std::string& host) {
    facts_[host].known = true;
    return *this;
  }
  Hosts& away(const std::string& host) {
    facts_[host].error = Error::transient("no route");
    return *this;
  }
  Hosts& has(const Seen& seen) {
    answers(seen.host);
    domain::ParsedDomain domain;
    domain.summary.name = seen.name;
    domain.summary.uuid = "u1";
    domain.summary.state = seen.state;
    auto& description = seen.state == DomainState::ShutOff ? domain.persistent : domain.live;
    description.emplace().vnicNamespace = seen.ns;
    facts_[seen.host].domains.push_back(domain);
    return *this;
  }
  VmSearch find(const std::string& ns = "team-a") const {
    std::vector<vm_host::HostFactsPtr> list;
    for (const auto& [host, facts] : facts_) {
      auto copy = std::make_shared<vm_host::HostFacts>(facts);
      copy->host = host;
      list.push_back(copy);
    }
    return findVm(ns, "db", list, "vnic-system");
  }

 private:
  std::map<std::string, vm_host::HostFacts> facts_;
};

std::string placeOf(const VmSearch& search) {
  switch (search.verdict) {
    case Verdict::Found:
      return search.host();
    case Verdict::NotFound:
      return "NotFound";
    case Verdict::Ambiguous:
      return "Ambiguous";
    case Verdict::Unknown:
      return "Unknown";
  }
  return "";
}

TEST(FindVm, OnTheOneHostThatHasIt) {
  EXPECT_EQ(placeOf(Hosts().answers("host1").has({"host2"}).find()), "host2");
}

TEST(FindVm, NowhereWhenAllHaveAnswered) {
  EXPECT_EQ(placeOf(Hosts().answers("host1").answers("host2").find()), "NotFound");
}

TEST(FindVm, UnknownWhileAHostIsAway) {
  EXPECT_EQ(placeOf(Hosts().answers("host1").away("host2").find()), "Unknown");
}

TEST(FindVm, FoundAlthoughAnotherHostIsAway) {
  EXPECT_EQ(placeOf(Hosts().has({"host1"}).away("host2").find()), "host1");
}

TEST(FindVm, OfAnotherNamespaceIsNotIt) {
  const auto search = Hosts().has({"host1", DomainState::Running, "team-b"}).find();
  EXPECT_EQ(placeOf(search), "NotFound");
  EXPECT_NE(search.message.find("another namespace"), std::string::npos);
}

TEST(FindVm, WithoutMetadataBelongsToTheOperatorsNamespace) {
  const auto hosts = Hosts().has({"host1", DomainState::Running, ""});
  EXPECT_EQ(placeOf(hosts.find("vnic-system")), "host1");
  EXPECT_EQ(placeOf(hosts.find("team-a")), "NotFound");
}

TEST(FindVm, RunningComesBeforeALeftoverDefinition) {
  EXPECT_EQ(placeOf(Hosts().has({"host1", DomainState::ShutOff}).has({"host2"}).find()), "host2");
}

TEST(FindVm, RunningComesBeforeItsIncomingCopy) {
  EXPECT_EQ(placeOf(Hosts().has({"host1"}).has({"host2", DomainState::Paused}).find()), "host1");
}

TEST(FindVm, RunningTwiceIsAmbiguous) {
  const auto search = Hosts().has({"host1"}).has({"host2"}).find();
  EXPECT_EQ(placeOf(search), "Ambiguous");
  EXPECT_NE(search.message.find("host1, host2"), std::string::npos);
}

TEST(FindVm, DefinedTwiceIsAmbiguous) {
  EXPECT_EQ(
      placeOf(
          Hosts().has({"host1", DomainState::ShutOff}).has({"host2", DomainState::ShutOff}).find()),
      "Ambiguous");
}

}  // namespace
}  // namespace vnic::reconcile::vnic
