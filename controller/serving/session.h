// SPDX-License-Identifier: Apache-2.0
// One connection of the HTTP server. Only http_server.cpp includes this.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "serving/http_server.h"

namespace vnic::serving {

// A connection as its server sees it.
class Connection {
 public:
  virtual ~Connection() = default;
  // Since when it is the client's turn: to send a request or the rest of one, or to take an answer.
  MonoTime waitingSince() const { return waitingSince_; }
  virtual void drop() = 0;  // closes it; it goes as soon as what is pending on it has ended

 protected:
  MonoTime waitingSince_;
};

// What the connections of one server have in common; only its thread uses it.
struct Load {
  std::set<Connection*> connections;
  std::uint64_t bodyBytes = 0;  // promised to requests that are being read or answered
};

using PlainStream = boost::beast::tcp_stream;
using TlsStream = boost::beast::ssl_stream<boost::beast::tcp_stream>;

// Reads requests one after the other and answers them. `Stream` is one of the two above. Lives as
// long as an operation on it is pending.
template <class Stream>
class Session final : public Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, const HttpServer::Options& options, const Handler& handler,
          const Logger& log, Load& load)
      : stream_(std::move(stream)),
        options_(options),
        handler_(handler),
        log_(log),
        load_(load),
        buffer_(options.headerLimit + kReadAhead) {
    load_.connections.insert(this);
  }
  ~Session() override {
    giveRoom();
    load_.connections.erase(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run() {
    if constexpr (kTls) {
      expiresAfter(options_.requestTimeout);
      stream_.async_handshake(boost::asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](boost::beast::error_code error) {
                                if (!error)
                                  self->read();  // a stranger that speaks no TLS gets no answer
                              });
    } else {
      read();
    }
  }

  void drop() override {
    waitingSince_ = MonoTime::max();  // once is enough
    boost::beast::get_lowest_layer(stream_).close();
  }

 private:
  // Of a body, or of the frame of a chunk, which nothing else bounds.
  static constexpr std::size_t kReadAhead = 64U << 10;
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;
  using ErrorCode = boost::beast::error_code;
  using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

  // A connection may rest between requests; once a request has begun it has less time.
  void rest() {
    if (buffer_.size() > 0) return read();
    expiresAfter(options_.idleTimeout);
    stream_.async_read_some(buffer_.prepare(1024),
                            [self = this->shared_from_this()](ErrorCode error, std::size_t bytes) {
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->read();
                            });
  }

  void read() {
    parser_.emplace();
    parser_->header_limit(options_.headerLimit);
    parser_->body_limit(options_.bodyLimit);
    expiresAfter(options_.requestTimeout);
    boost::beast::http::async_read_header(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](ErrorCode error, std::size_t) { self->onHeader(error); });
  }

  void onHeader(ErrorCode error) {
    if (error) return onBadRequest(error);
    if (parser_->is_done()) return answer();
    if (!takeRoom()) return refuse(503, "Too many large requests at once\n");
    boost::beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](ErrorCode failed, std::size_t) {
          if (failed) return self->onBadRequest(failed);
          self->answer();
        });
  }

  // A body has its room before its first byte is read.
  bool takeRoom() {
    const std::uint64_t wanted = parser_->content_length().value_or(options_.bodyLimit);
    if (load_.bodyBytes + wanted > options_.bodyBudget) return false;
    load_.bodyBytes += wanted;
    room_ = wanted;
    return true;
  }
  void giveRoom() { load_.bodyBytes -= std::exchange(room_, 0); }

  void onBadRequest(ErrorCode error) {
    namespace http = boost::beast::http;
    if (error == http::error::header_limit) return refuse(431, "Request header is too large\n");
    if (error == http::error::body_limit) return refuse(413, "Request body is too large\n");
    // The end of the stream, a time-out, a reset, something that is not HTTP: no answer.
    close();
  }

  void answer() {
    auto& message = parser_->get();
    Request request;
    request.method = std::string(message.method_string());
    setTarget(request, std::string(message.target()));
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[std::move(name)] = std::string(field.value());
    }
    request.body = std::move(message.body());
    Response response;
    try {
      response = handler_(request);
    } catch (const std::exception& exception) {
      log_.error("Request failed", {{"path", request.path}, {"error", exception.what()}});
      response = {500, "text/plain; charset=utf-8", "Internal error\n"};
    }
    giveRoom();
    write(std::move(response), message.keep_alive(),
          message.method() == boost::beast::http::verb::head);
  }

  void refuse(int status, std::string text) {
    write({status, "text/plain; charset=utf-8", std::move(text)}, false, false);
  }

  void write(Response response, bool keepAlive, bool headOnly) {
    namespace http = boost::beast::http;
    response_ = HttpResponse(static_cast<http::status>(response.status), 11);
    response_.set(http::field::content_type, response.contentType);
    response_.set(http::field::cache_control, "no-cache");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.keep_alive(keepAlive);
    response_.body() = std::move(response.body);
    response_.prepare_payload();
    // To HEAD: the same headers, Content-Length included, and nothing else.
    if (headOnly) response_.body().clear();
    expiresAfter(options_.requestTimeout);
    http::async_write(stream_, response_,
                      [self = this->shared_from_this(), keepAlive](ErrorCode error, std::size_t) {
                        if (error || !keepAlive) return self->close();
                        self->rest();
                      });
  }

  // It is the client's turn, and he has so long.
  void expiresAfter(Duration timeout) {
    waitingSince_ = std::chrono::steady_clock::now();
    boost::beast::get_lowest_layer(stream_).expires_after(timeout);
  }

  void close() {
    if constexpr (kTls) {
      // Says that this is the end, so that nobody has to take it for a cut connection.
      expiresAfter(options_.requestTimeout);
      stream_.async_shutdown([self = this->shared_from_this()](ErrorCode) { self->shutDown(); });
    } else {
      shutDown();
    }
  }

  void shutDown() {
    ErrorCode ignored;
    boost::beast::get_lowest_layer(stream_).socket().shutdown(
        boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }

  Stream stream_;
  const HttpServer::Options& options_;
  const Handler& handler_;
  const Logger& log_;
  Load& load_;
  std::uint64_t room_ = 0;  // of load_.bodyBytes
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  HttpResponse response_;
};

}  // namespace vnic::serving
