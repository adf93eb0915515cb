// Planted: one of everything that purity.sh must see. Compiled into a library of its own, never linked into anything.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace openrun::planted {

long clocks() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  timeval also{};
  gettimeofday(&also, nullptr);
  return now.tv_sec + also.tv_sec + time(nullptr) + std::chrono::steady_clock::now().time_since_epoch().count() +
         std::chrono::system_clock::now().time_since_epoch().count();
}

unsigned randomness() {
  unsigned bytes = 0;
  if (getrandom(&bytes, sizeof bytes, 0) < 0) return 0;
  return bytes + static_cast<unsigned>(rand()) + std::random_device{}();  // style: allow rand, planted
}

int locks_and_threads() {
  static std::mutex mutex;
  static std::condition_variable changed;
  const std::lock_guard lock(mutex);
  changed.notify_all();
  std::thread([] {}).join();
  return 0;
}

// A local that is set up at first use takes a hidden lock.
const std::string& hidden_lock(const char* text) {
  static const std::string value(text);
  return value;
}

long input_and_output(const char* path) {
  char byte = 0;
  const int file = open(path, O_RDWR);
  long done = read(file, &byte, 1) + write(file, &byte, 1);
  done += socket(AF_INET, SOCK_STREAM, 0);
  if (FILE* stream = fopen(path, "r")) done += fclose(stream);
  std::printf("%ld\n", done);  // style: allow console, planted
  std::puts(path);
  std::ofstream(path) << done;
  std::cout << path;          // style: allow console, planted
  if (std::getenv("HOME")) {  // style: allow getenv, planted
    ++done;
  }
  return done;
}

}  // namespace openrun::planted
