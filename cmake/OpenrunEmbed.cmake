# openrun_embed(TARGET NAMESPACE FILE...): files that a program carries in itself. Each becomes a std::string_view of
# NAMESPACE, declared in <embedded/NAME.hpp>: web/openapi.yaml is openapi_yaml in <embedded/openapi_yaml.hpp>.

function(openrun_embed target namespace)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/embedded_files)
  foreach(file IN LISTS ARGN)
    get_filename_component(name ${file} NAME)
    string(MAKE_C_IDENTIFIER ${name} id)
    set(path ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    file(CONFIGURE OUTPUT ${folder}/embedded/${id}.hpp @ONLY CONTENT
"#pragma once\n\n#include <string_view>\n\nnamespace @namespace@ {\n\nextern const std::string_view @id@;\n\n}  // namespace @namespace@\n")
    # As numbers: no file can break out of them.
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    file(CONFIGURE OUTPUT ${folder}/${id}.cpp @ONLY CONTENT
"#include <embedded/@id@.hpp>\n\nnamespace @namespace@ {\nnamespace {\nconstexpr char bytes[] = {@bytes@'\\0'};\n}\n\nconst std::string_view @id@{bytes, sizeof bytes - 1};\n\n}  // namespace @namespace@\n")
    target_sources(${target} PRIVATE ${folder}/${id}.cpp)
  endforeach()
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
