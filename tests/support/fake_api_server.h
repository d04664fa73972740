// SPDX-License-Identifier: Apache-2.0
// An API server over HTTP on loopback, with a FakeKubeClient's objects: for whole operators, and
// for API servers that stop answering in the middle.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "support/fake_kube_client.h"
#include "support/loopback_peer.h"

namespace vnic::test {

class FakeApiServer {
 public:
  // Asked before each request; true: it has dealt with it. On the connection's thread.
  using Interference = std::function<bool(const PeerRequest&, PeerConnection&)>;

  explicit FakeApiServer(Interference interference = {});

  FakeKubeClient& objects() { return objects_; }
  std::string url() const { return peer_.url(); }
  std::vector<PeerRequest> requests() const { return peer_.requests(); }

 private:
  void serve(const PeerRequest& request, PeerConnection& connection);

  const Interference interference_;
  FakeKubeClient objects_;
  LoopbackPeer peer_;  // last: its threads use all of the above
};

}  // namespace vnic::test
