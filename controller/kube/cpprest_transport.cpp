// SPDX-License-Identifier: Apache-2.0
// The only file that includes cpprestsdk. Rules that its behaviour asks for:
// - Its threads never block: timers, name resolution and continuations share them. Callers wait on
//   their own threads, in HttpExchange.
// - Every chain of tasks ends in a continuation that calls get(): an exception that nobody looks at
//   ends the process.
// - Its timeout is one of inactivity, the same for all requests of a client. It is set out of
//   reach, and time is kept in exchange_reader, by cancelling.
// - It buffers a chunk whole before handing it on, so one chunk's size is up to the server, which
//   is trusted.
#include "kube/cpprest_transport.h"

// cpprestsdk's macro U() breaks other people's templates.
#define _TURN_OFF_PLATFORM_STRING  // NOLINT(bugprone-reserved-identifier): the name is cpprestsdk's
#include <cpprest/http_client.h>
#include <fmt/format.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <cctype>
#include <mutex>
#include <utility>

#include "kube/exchange_reader.h"
#include "kube/http_exchange.h"
#include "kube/in_flight.h"
#include "kube/tls_context.h"

namespace vnic::kube {
namespace {

using web::http::client::http_client;
using web::http::client::http_client_config;

// The write-only stream buffer that cpprestsdk writes a response's body into. A task that is not
// done yet is how it is told to wait.
class ExchangeBuffer final
    : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  ExchangeBuffer(std::shared_ptr<HttpExchange> exchange, std::shared_ptr<InFlight> inFlight)
      : streambuf_state_manager(std::ios_base::out),
        exchange_(std::move(exchange)),
        inFlight_(std::move(inFlight)) {
    inFlight_->begin();
  }
  // cpprestsdk holds this object as long as it holds anything of the request.
  ~ExchangeBuffer() override {
    exchange_->released();
    inFlight_->end();
  }

 private:
  using Mode = std::ios_base::openmode;
  static pos_type nowhere() { return static_cast<pos_type>(traits::eof()); }
  static pplx::task<int_type> nothing() { return pplx::task_from_result<int_type>(traits::eof()); }

  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t count) override {
    const pplx::task_completion_event<std::size_t> done;
    exchange_->put({reinterpret_cast<const char*>(data), count}, [done, count](bool room) {
      if (room) {
        done.set(count);
      } else {
        done.set_exception(std::runtime_error("the reader left"));
      }
    });
    return pplx::create_task(done);
  }
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    return _putn(&byte, 1).then([byte](std::size_t) { return static_cast<int_type>(byte); });
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }

  // The rest of the interface is for readable or seekable buffers.
  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(Mode) const override { return 0; }
  void set_buffer_size(std::size_t, Mode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(Mode) const override { return nowhere(); }
  pos_type seekpos(pos_type, Mode) override { return nowhere(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, Mode) override { return nowhere(); }
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}
  pplx::task<int_type> _bumpc() override { return nothing(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return nothing(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return nothing(); }
  pplx::task<int_type> _ungetc() override { return nothing(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

  std::shared_ptr<HttpExchange> exchange_;
  std::shared_ptr<InFlight> inFlight_;
};

// A client is bound to one TLS material; a change of credentials makes a new one.
struct BoundClient {
  std::shared_ptr<const TlsMaterial> material;
  std::shared_ptr<VerifyReport> report;
  std::unique_ptr<http_client> client;
};

// The resolver gets the host as it stands in the URI, and knows no brackets; without them, and
// with a port, cpprestsdk's parser still finds host and port of an IPv6 URL.
std::string withoutBrackets(std::string url, const web::uri& parsed) {
  const auto open = url.find('[');
  const auto close = url.find(']');
  if (open == std::string::npos || close == std::string::npos) return url;
  const bool portGiven = close + 1 < url.size() && url[close + 1] == ':';
  const std::string port = portGiven ? "" : parsed.scheme() == "https" ? ":443" : ":80";
  return url.substr(0, open) + url.substr(open + 1, close - open - 1) + port +
         url.substr(close + 1);
}

HttpResponse headOf(const web::http::http_response& response) {
  HttpResponse head;
  head.status = response.status_code();
  for (const auto& [name, value] : response.headers()) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    head.headers[lower] = value;
  }
  return head;
}

}  // namespace

class CpprestTransport::Impl {
 public:
  Impl(web::uri base, TlsSource tls, TransportOptions options)
      : base_(std::move(base)),
        hostPort_(fmt::format("{}:{}", base_.host(), base_.port())),
        tls_(std::move(tls)),
        options_(options) {}
  ~Impl() { inFlight_->waitIdle(options_.shutdownGrace); }

  Result<HttpResponse> run(const HttpRequest& request, const ReadLimits& limits,
                           std::stop_token stop);
  const TransportOptions& options() const { return options_; }

 private:
  struct Running {
    std::shared_ptr<HttpExchange> exchange;
    pplx::cancellation_token_source cancellation;
    std::shared_ptr<const BoundClient> client;
    // However the reader leaves, also by an exception: nothing goes on behind its back.
    ~Running() {
      if (exchange->abandon()) cancellation.cancel();
    }
  };

  std::shared_ptr<const BoundClient> boundClient();
  void start(Running& running, const HttpRequest& request);
  // Says of what an error is, and why a certificate was refused.
  Error describe(const HttpRequest& request, const Running& running, Error error) const;

  const web::uri base_;
  const std::string hostPort_;
  const TlsSource tls_;
  const TransportOptions options_;
  const std::shared_ptr<InFlight> inFlight_ = std::make_shared<InFlight>();
  std::mutex mutex_;
  std::shared_ptr<const BoundClient> client_;
};

std::shared_ptr<const BoundClient> CpprestTransport::Impl::boundClient() {
  const std::shared_ptr<const TlsMaterial> material = tls_();
  const std::lock_guard lock(mutex_);
  if (client_ && client_->material == material) return client_;
  auto report = std::make_shared<VerifyReport>();
  const std::string host = material->serverName.empty() ? base_.host() : material->serverName;
  http_client_config config;
  config.set_timeout(std::chrono::hours(24));
  config.set_max_redirects(0);  // it would send Authorization wherever a redirect points to
  config.set_validate_certificates(!material->insecureSkipVerify);
  config.set_tlsext_sni_enabled(!isIpAddress(host));
  config.set_ssl_context_callback([material, report, host](boost::asio::ssl::context& context) {
    configureTls(context.native_handle(), *material, host, *report);
  });
  auto bound = std::make_shared<BoundClient>();
  *bound = {material, std::move(report), std::make_unique<http_client>(base_, config)};
  client_ = bound;
  return bound;
}

void CpprestTransport::Impl::start(Running& running, const HttpRequest& request) {
  web::http::http_request out(request.method);
  out.set_request_uri(web::uri(request.path));
  for (const auto& [name, value] : request.headers) out.headers()[name] = value;
  // cpprestsdk takes the name to verify, and SNI, from the Host header.
  const std::string& serverName = running.client->material->serverName;
  if (!serverName.empty()) out.headers()["Host"] = serverName;
  if (!request.body.empty()) {
    const auto type = request.headers.find("Content-Type");
    out.set_body(concurrency::streams::bytestream::open_istream(request.body), request.body.size(),
                 type == request.headers.end() ? "application/json" : type->second);
  }
  const auto buffer = std::make_shared<ExchangeBuffer>(running.exchange, inFlight_);
  out.set_response_stream(concurrency::streams::streambuf<std::uint8_t>(buffer).create_ostream());

  const auto exchange = running.exchange;
  running.client->client->request(out, running.cancellation.get_token())
      .then([exchange](const web::http::http_response& response) {
        exchange->head(headOf(response));
        return response.content_ready();
      })
      .then([exchange](const pplx::task<web::http::http_response>& body) {
        try {
          body.get();
          exchange->end(std::nullopt);
        } catch (const std::exception& error) {
          exchange->end(error.what());
        } catch (...) {
          exchange->end("unknown failure");
        }
      });
}

Error CpprestTransport::Impl::describe(const HttpRequest& request, const Running& running,
                                       Error error) const {
  const std::string path = request.path.substr(0, request.path.find('?'));
  error.message = fmt::format("{} {} at {}: {}", request.method, path, hostPort_, error.message);
  const std::string refused = running.client ? running.client->report->get() : "";
  if (!refused.empty() && error.message.find("SSL") != std::string::npos) {
    error.message += fmt::format(" (certificate: {})", refused);
  }
  return error;
}

Result<HttpResponse> CpprestTransport::Impl::run(const HttpRequest& request,
                                                 const ReadLimits& limits, std::stop_token stop) {
  Running running{std::make_shared<HttpExchange>(options_.streamWindowBytes), {}, nullptr};
  try {
    running.client = boundClient();
    start(running, request);
  } catch (const std::exception& error) {  // a URL or TLS material that cannot be used
    return fail(describe(request, running, Error::transient(error.what())));
  }
  auto response = readExchange(*running.exchange, limits, stop);
  if (!response) return fail(describe(request, running, std::move(response.error())));
  return response;
}

Status initializeTransportThreads(std::size_t threads) {
  try {
    crossplat::threadpool::initialize_with_threads(threads);
    return {};
  } catch (const std::exception& error) {
    return fail(
        Error::terminal(std::string("The HTTP threads are running already: ") + error.what()));
  }
}

Result<std::unique_ptr<CpprestTransport>> CpprestTransport::create(const std::string& url,
                                                                   TlsSource tls,
                                                                   TransportOptions options) {
  try {
    const web::uri parsed(url);
    if ((parsed.scheme() != "https" && parsed.scheme() != "http") || parsed.host().empty()) {
      return fail(Error::invalid(fmt::format("\"{}\" is not an http(s) URL", url)));
    }
    auto impl =
        std::make_unique<Impl>(web::uri(withoutBrackets(url, parsed)), std::move(tls), options);
    return std::unique_ptr<CpprestTransport>(new CpprestTransport(std::move(impl)));
  } catch (const std::exception& error) {
    return fail(Error::invalid(fmt::format("\"{}\" is not a URL: {}", url, error.what())));
  }
}

CpprestTransport::CpprestTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CpprestTransport::~CpprestTransport() = default;

Result<HttpResponse> CpprestTransport::send(const HttpRequest& request, Duration deadline,
                                            std::stop_token stop) {
  return impl_->run(request, {deadline, Duration::max(), impl_->options().maxBodyBytes, nullptr},
                    stop);
}

Result<HttpResponse> CpprestTransport::stream(const HttpRequest& request, Duration idleLimit,
                                              const ChunkHandler& onChunk, std::stop_token stop) {
  return impl_->run(
      request, {Duration::max(), idleLimit, impl_->options().maxErrorBodyBytes, &onChunk}, stop);
}

}  // namespace vnic::kube
