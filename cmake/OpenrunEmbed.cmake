# openrun_embed(TARGET NAMESPACE FILE...): files that a program carries in itself. Each becomes a std::string_view of
# NAMESPACE, declared in <embedded/NAME.hpp>: web/openapi.yaml is openapi_yaml in <embedded/openapi_yaml.hpp>.
#
# openrun_embed_page(TARGET NAMESPACE FILE...): the same for what a browser loads, without what only people read: comments,
# indentation, and line ends and spaces where they mean nothing. web/page/main.js is page_main_js. In JavaScript statements end with
# semicolons, strings with their line, and " //" begins a comment.

function(openrun_embed target namespace)
  foreach(file IN LISTS ARGN)
    openrun_embed_one(${target} ${namespace} "" ${file})
  endforeach()
endfunction()

function(openrun_embed_page target namespace)
  foreach(file IN LISTS ARGN)
    openrun_embed_one(${target} ${namespace} page_ ${file})
  endforeach()
endfunction()

function(openrun_without_remarks path copy)
  file(READ ${path} text)
  string(REGEX REPLACE "\n[ \t]+" "\n" text "\n${text}")
  if(path MATCHES "\\.js$")
    string(REGEX REPLACE "(\n| )//[^\n]*" "" text "${text}")
    string(REGEX REPLACE "([;,{(])\n+" "\\1" text "${text}")
    string(REGEX REPLACE "\n+([)}])" "\\1" text "${text}")
  elseif(path MATCHES "\\.css$")
    string(REGEX REPLACE "/\\*[^*]*\\*/" "" text "${text}")
    string(REGEX REPLACE "([:;,{])[ \n]+" "\\1" text "${text}")
    string(REGEX REPLACE ";? *}\n*" "}" text "${text}")
    string(REPLACE " {" "{" text "${text}")
  else()
    string(REGEX REPLACE "<!--[^>]*-->" "" text "${text}")
    string(REGEX REPLACE "\n+<" "<" text "${text}")
  endif()
  string(REGEX REPLACE "\n\n+" "\n" text "${text}")
  string(REGEX REPLACE "^\n" "" text "${text}")
  file(WRITE ${copy} "${text}")
endfunction()

function(openrun_embed_one target namespace prefix file)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/embedded_files)
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER ${prefix}${name} id)
  set(path ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  if(prefix)
    openrun_without_remarks(${path} ${folder}/${prefix}${name})
    set(path ${folder}/${prefix}${name})
  endif()
  file(CONFIGURE OUTPUT ${folder}/embedded/${id}.hpp @ONLY CONTENT
"#pragma once\n\n#include <string_view>\n\nnamespace @namespace@ {\n\nextern const std::string_view @id@;\n\n}  // namespace @namespace@\n")
  # As numbers: no file can break out of them.
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  file(CONFIGURE OUTPUT ${folder}/${id}.cpp @ONLY CONTENT
"#include <embedded/@id@.hpp>\n\nnamespace @namespace@ {\nnamespace {\nconstexpr char bytes[] = {@bytes@'\\0'};\n}\n\nconst std::string_view @id@{bytes, sizeof bytes - 1};\n\n}  // namespace @namespace@\n")
  target_sources(${target} PRIVATE ${folder}/${id}.cpp)
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
