#include "gateway/web/admin_handler.hpp"

#include <embedded/admin_admin_css.hpp>
#include <embedded/admin_admin_html.hpp>
#include <embedded/admin_api_js.hpp>
#include <embedded/admin_audits_js.hpp>
#include <embedded/admin_board_js.hpp>
#include <embedded/admin_campaigns_js.hpp>
#include <embedded/admin_dom_js.hpp>
#include <embedded/admin_letters_js.hpp>
#include <embedded/admin_main_js.hpp>
#include <embedded/admin_plot_js.hpp>

namespace openrun::gateway {

AdminHandler::AdminHandler()
    : document_(static_file(html_type, std::string(embedded::admin_admin_html))),
      files_{{"admin.css", css_type, embedded::admin_admin_css},
             {"api.js", javascript_type, embedded::admin_api_js},
             {"audits.js", javascript_type, embedded::admin_audits_js},
             {"board.js", javascript_type, embedded::admin_board_js},
             {"campaigns.js", javascript_type, embedded::admin_campaigns_js},
             {"dom.js", javascript_type, embedded::admin_dom_js},
             {"letters.js", javascript_type, embedded::admin_letters_js},
             {"main.js", javascript_type, embedded::admin_main_js},
             {"plot.js", javascript_type, embedded::admin_plot_js}} {}

void AdminHandler::document(Call& call) {
  ports::HttpResponse response = static_answer(document_, call.request.header("If-None-Match"));
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  call.reply->send(std::move(response));
}

}  // namespace openrun::gateway
