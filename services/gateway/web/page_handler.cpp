#include "gateway/web/page_handler.hpp"

#include <utility>

#include <embedded/page_campaign_js.hpp>
#include <embedded/page_clock_js.hpp>
#include <embedded/page_countdown_js.hpp>
#include <embedded/page_icon_svg.hpp>
#include <embedded/page_identity_js.hpp>
#include <embedded/page_list_js.hpp>
#include <embedded/page_main_js.hpp>
#include <embedded/page_openrun_client_js.hpp>
#include <embedded/page_page_css.hpp>
#include <embedded/page_page_html.hpp>
#include <embedded/page_progress_js.hpp>
#include <embedded/page_qr_js.hpp>
#include <embedded/page_screen_js.hpp>
#include <embedded/page_service_js.hpp>
#include <embedded/page_view_js.hpp>
#include <embedded/page_words_en_js.hpp>
#include <embedded/page_words_js.hpp>
#include <embedded/page_words_ko_js.hpp>

#include <openrun/base/assert.hpp>

#include "gateway/rest/http_text.hpp"
#include "gateway/web/language.hpp"

namespace openrun::gateway {
namespace {

// The document says how it would be served by itself: in English, to users whom the operator's front has named.
std::string document_in(std::string_view language, bool users_by_token) {
  constexpr std::string_view by_itself = R"(<html lang="en" data-auth="trusted">)";
  std::string document(embedded::page_page_html);
  const std::size_t at = document.find(by_itself);
  OPENRUN_ASSERT(at != std::string::npos, "the document begins as page_handler.cpp expects");
  std::string element = R"(<html lang=")";
  element.append(language).append(R"(" data-auth=")").append(users_by_token ? "jwt" : "trusted").append(R"(">)");
  return document.replace(at, by_itself.size(), element);
}

}  // namespace

PageHandler::PageHandler(Parts& parts)
    : parts_(parts),
      korean_(static_file(html_type, document_in("ko", parts.settings.users_by_token))),
      english_(static_file(html_type, document_in("en", parts.settings.users_by_token))),
      files_{{"page.css", css_type, embedded::page_page_css},
             {"icon.svg", svg_type, embedded::page_icon_svg},
             {"openrun-client.js", javascript_type, embedded::page_openrun_client_js},
             {"campaign.js", javascript_type, embedded::page_campaign_js},
             {"clock.js", javascript_type, embedded::page_clock_js},
             {"countdown.js", javascript_type, embedded::page_countdown_js},
             {"identity.js", javascript_type, embedded::page_identity_js},
             {"list.js", javascript_type, embedded::page_list_js},
             {"main.js", javascript_type, embedded::page_main_js},
             {"progress.js", javascript_type, embedded::page_progress_js},
             {"qr.js", javascript_type, embedded::page_qr_js},
             {"screen.js", javascript_type, embedded::page_screen_js},
             {"service.js", javascript_type, embedded::page_service_js},
             {"view.js", javascript_type, embedded::page_view_js},
             {"words.js", javascript_type, embedded::page_words_js},
             {"words-en.js", javascript_type, embedded::page_words_en_js},
             {"words-ko.js", javascript_type, embedded::page_words_ko_js}} {}

const StaticFile& PageHandler::document(const ports::HttpRequest& request) const {
  return preferred_language(request.header("Accept-Language")) == "ko" ? korean_ : english_;
}

ports::HttpResponse PageHandler::document_answer(const StaticFile& document, unsigned status,
                                                 std::string_view if_none_match) {
  ports::HttpResponse response = static_answer(document, status == 200 ? if_none_match : std::string_view());
  if (response.status == 200) response.status = status;
  response.headers.emplace_back("Vary", "Accept-Language");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  return response;
}

void PageHandler::home(Call& call) {
  call.reply->send(document_answer(document(call.request), 200, call.request.header("If-None-Match")));
}

void PageHandler::campaign(Call& call) {
  const StaticFile& shown = document(call.request);
  const auto campaign = parse_campaign(call.argument);
  if (!campaign) return call.reply->send(document_answer(shown, 404, {}));
  parts_.directory.find(call.io, *campaign,
                        [&shown, reply = call.reply, if_none_match = std::string(call.request.header("If-None-Match"))](
                            const Result<CampaignView>& view) {
                          const bool absent = !view && view.error().kind == Error::Kind::not_found;
                          reply->send(document_answer(shown, absent ? 404 : 200, if_none_match));
                        });
}

}  // namespace openrun::gateway
