// The steps of schema/*.sql, compiled in (cmake/embed_schema.cmake), in the order in which they are to be run.
#pragma once

#include <string_view>
#include <vector>

namespace openrun::postgres {

struct SchemaStep {
  std::string_view name;
  std::string_view sql;
};

// The step whose builds, and later ones, may run while this step is applied already: the name after "-- runs-beside: "
// in its first line. Without such a line the step's own: no older build may.
[[nodiscard]] std::string_view runs_beside(const SchemaStep& step);

[[nodiscard]] const std::vector<SchemaStep>& schema_steps();

}  // namespace openrun::postgres
