// SPDX-License-Identifier: Apache-2.0
#include "serving/http_server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <thread>
#include <utility>

#include "serving/server_certificate.h"
#include "serving/session.h"

namespace vnic::serving {

namespace asio = boost::asio;
using asio::ip::tcp;

class HttpServer::Impl {
 public:
  Impl(Options options, Handler handler, const Logger& log)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        log_(log.with({{"server", options_.name}})) {}

  Status start() {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) return fail(Error::invalid("\"" + options_.address + "\" is not an IP address"));
    io_ = std::make_unique<asio::io_context>(1);
    acceptor_ = std::make_unique<tcp::acceptor>(*io_);
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      acceptor_.reset();
      io_.reset();
      return fail(Error::transient("Cannot listen on " + options_.address + " port " +
                                   std::to_string(options_.port) + ": " + error.message()));
    }
    port_ = acceptor_->local_endpoint().port();
    log_.info("Serving", {{"address", options_.address}, {"port", std::to_string(port_)}});
    accept();
    thread_ = std::jthread([this] { io_->run(); });
    return {};
  }

  std::uint16_t port() const { return port_; }

  void stop() {
    if (!io_) return;
    io_->stop();
    thread_.join();
    // Whatever is pending goes with the context: the connections are closed by that.
    pause_.reset();
    acceptor_.reset();
    io_.reset();
  }

 private:
  void accept() {
    acceptor_->async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error) return acceptLater(error);
      makeRoom();
      serve(PlainStream(std::move(socket)));
      accept();
    });
  }

  void makeRoom() {
    if (load_.connections.size() < options_.maxConnections) return;
    (*std::min_element(load_.connections.begin(), load_.connections.end(), [](auto* a, auto* b) {
      return a->waitingSince() < b->waitingSince();
    }))->drop();
  }

  void serve(PlainStream stream) {
    if (!options_.certificate) return runSession(std::move(stream));
    // Without a certificate it is closed: there is nothing to say that would be believed.
    if (const auto context = options_.certificate->context()) {
      runSession(TlsStream(std::move(stream), *context));
    }
  }

  template <class Stream>
  void runSession(Stream stream) {
    std::make_shared<Session<Stream>>(std::move(stream), options_, handler_, log_, load_)->run();
  }

  // Out of file descriptors, most likely: that does not pass by asking at once.
  void acceptLater(boost::system::error_code error) {
    log_.warn("Accepting a connection failed", {{"error", error.message()}});
    pause_ = std::make_unique<asio::steady_timer>(*io_, std::chrono::milliseconds(200));
    pause_->async_wait([this](boost::system::error_code) { accept(); });
  }

  Options options_;
  Handler handler_;
  Logger log_;
  Load load_;
  std::uint16_t port_ = 0;
  std::unique_ptr<asio::io_context> io_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::unique_ptr<asio::steady_timer> pause_;
  std::jthread thread_;
};

HttpServer::HttpServer(Options options, Handler handler, const Logger& log)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler), log)) {}
HttpServer::~HttpServer() {
  stop();
}
Status HttpServer::start() {
  return impl_->start();
}
std::uint16_t HttpServer::port() const {
  return impl_->port();
}
void HttpServer::stop() {
  impl_->stop();
}

}  // namespace vnic::serving
