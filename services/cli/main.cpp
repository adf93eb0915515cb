#include <exception>
#include <iostream>
#include <vector>

#include "cli/app.hpp"

int main(int argc, char** argv) {
  try {
    return openrun::cli::run_app({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "openrun: " << error.what() << "\n";
    return openrun::cli::found_wrong;
  }
}
