#include <openrun/ports/log.hpp>

namespace openrun::ports {

void log_traced(Logger& logger, LogLevel level, std::string_view message, const TracedRequest& request,
                std::string_view outcome) {
  logger.log(level, message,
             {{"trace_id", trace_id_text(request.trace)},
              {"campaign", std::int64_t{request.campaign.value}},
              {"partition", std::int64_t{request.partition.value}},
              {"offset", request.offset.value},
              {"outcome", std::string(outcome)}});
}

}  // namespace openrun::ports
