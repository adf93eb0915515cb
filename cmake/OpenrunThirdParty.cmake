# Every third-party library, and the one room through which each may enter (tools/lint checks the includes).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(Boost 1.81 REQUIRED)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(YAMLCPP REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(SPDLOG REQUIRED IMPORTED_TARGET spdlog)
find_package(prometheus-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(CURL REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)

# The rooms that may name each library in THIRD_PARTY.
set(OPENRUN_THIRD_PARTY_ROOMS
    "OpenSSL::Crypto=crypto" "OpenSSL::SSL=http,kafka" "protobuf::libprotobuf=proto,wire,gateway_connect,gateway_dialects" "Boost::headers=http,bench,peers"
    "PkgConfig::RDKAFKA=kafka,bench" "PkgConfig::PQ=postgres,bench,peers" "PkgConfig::HIREDIS=peers" "benchmark::benchmark=bench" "PkgConfig::YAMLCPP=config" "PkgConfig::SPDLOG=telemetry"
    "prometheus-cpp::core=telemetry" "CLI11::CLI11=cli" "CURL::libcurl=cli,telemetry" "PkgConfig::SIMDJSON=wire"
    "ZLIB::ZLIB=wire" "PkgConfig::GRPC=grpc")
