# Writes OUTPUT: a C++ source with the text of every schema step, in order of the file names.
# cmake -DSCHEMA=<folder> -DOUTPUT=<file> -P embed_schema.cmake
file(GLOB steps ${SCHEMA}/*.sql)
list(SORT steps)
set(entries "")
foreach(step IN LISTS steps)
  get_filename_component(name ${step} NAME_WE)
  file(READ ${step} text)
  string(APPEND entries "    {\"${name}\", R\"openrun_sql(${text})openrun_sql\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"schema_steps.hpp\"

namespace openrun::postgres {

const std::vector<SchemaStep>& schema_steps() {
  static const std::vector<SchemaStep> steps{
${entries}  };
  return steps;
}

}  // namespace openrun::postgres
")
