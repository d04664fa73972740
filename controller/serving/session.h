// SPDX-License-Identifier: Apache-2.0
// One connection of the HTTP server. Only http_server.cpp includes this.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "serving/http_server.h"

namespace vnic::serving {

// Reads requests one after the other and answers them. `Stream` is a beast::tcp_stream, or later a
// TLS stream on top of one. Lives as long as an operation on it is pending.
template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, const HttpServer::Options& options, const Handler& handler,
          const Logger& log, std::function<void()> onEnd)
      : stream_(std::move(stream)),
        options_(options),
        handler_(handler),
        log_(log),
        onEnd_(std::move(onEnd)) {}
  ~Session() { onEnd_(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run() { read(); }

 private:
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
    boost::beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](ErrorCode error, std::size_t) { self->onRead(error); });
  }

  void onRead(ErrorCode error) {
    namespace http = boost::beast::http;
    if (!error) return answer();
    if (error == http::error::header_limit) return refuse(431, "Request header is too large\n");
    if (error == http::error::body_limit) return refuse(413, "Request body is too large\n");
    // The end of the stream, a time-out, a reset, something that is not HTTP: no answer.
    close();
  }

  void answer() {
    const auto& message = parser_->get();
    Request request;
    request.method = std::string(message.method_string());
    setTarget(request, std::string(message.target()));
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers[std::move(name)] = std::string(field.value());
    }
    request.body = message.body();
    Response response;
    try {
      response = handler_(request);
    } catch (const std::exception& exception) {
      log_.error("Request failed", {{"path", request.path}, {"error", exception.what()}});
      response = {500, "text/plain; charset=utf-8", "Internal error\n"};
    }
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

  void expiresAfter(Duration timeout) {
    boost::beast::get_lowest_layer(stream_).expires_after(timeout);
  }

  void close() {
    ErrorCode ignored;
    boost::beast::get_lowest_layer(stream_).socket().shutdown(
        boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }

  Stream stream_;
  const HttpServer::Options& options_;
  const Handler& handler_;
  const Logger& log_;
  std::function<void()> onEnd_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  HttpResponse response_;
};

}  // namespace vnic::serving
