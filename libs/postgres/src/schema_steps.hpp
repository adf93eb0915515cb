// The steps of schema/*.sql, compiled in (cmake/embed_schema.cmake), in the order in which they are to be run.
#pragma once

#include <string_view>
#include <vector>

namespace openrun::postgres {

struct SchemaStep {
  std::string_view name;
  std::string_view sql;
};

[[nodiscard]] const std::vector<SchemaStep>& schema_steps();

}  // namespace openrun::postgres
