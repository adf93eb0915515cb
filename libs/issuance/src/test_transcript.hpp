// For tests: plays a transcript and writes it again with the decisions of now.
//
//   # a comment                                      lines of comment and empty lines stay as they are
//   10 12:00:00.000 request campaign=1 user=kim      a record: offset, LogAppendTime, what it is, its fields
//     issued seq=1                                   an indented line: what came of it; written anew each time
//   restart                                          the machine is dropped and restored from what was written
//   show campaign=1                                  the campaign as it stands
//
// Records: request campaign= user= [key=], create campaign= key= stock= starts= [ends=] [max_per_user=] [name=],
// change campaign= key= [name=] [starts=] [ends=|ends=none] [max_per_user=], add_stock campaign= key= add=,
// pause|resume|close campaign= key=, undecidable reason=, version to=, and replay origin= arrived= <record>.
#pragma once

#include <string>

namespace openrun::issuance::testing {

[[nodiscard]] std::string play(const std::string& transcript);

}  // namespace openrun::issuance::testing
