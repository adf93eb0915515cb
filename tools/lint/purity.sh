#!/usr/bin/env bash
# purity.sh ARCHIVE: fails where a static library of decision code needs a clock, randomness, a lock, a thread, I/O or the
# environment from outside. The same log must always give the same decisions, so the core must not even be able to ask.
# Exit 0: pure. 1: not, and each symbol is named. 2: it could not be told.
set -euo pipefail

if [[ $# -ne 1 || ! -r ${1:-} ]]; then
  echo "usage: purity.sh ARCHIVE (a static library that can be read)" >&2
  exit 2
fi
archive=$1

# C symbols, whole names (glibc's fortified and large-file spellings too). What each kind would break stands beside it.
declare -A banned=(
  [clock]='(__)?(clock|clock_gettime|clock_getres|clock_nanosleep|gettimeofday|time|ftime|times|timespec_get|localtime|localtime_r|gmtime|gmtime_r|mktime|nanosleep|usleep|sleep|alarm|timer_create|timerfd_create)(64)?'
  [randomness]='rand|rand_r|srand|random|random_r|srandom|[delnmj]rand48|getrandom|getentropy|arc4random(_buf|_uniform)?|RAND_bytes'
  [lock]='pthread_(mutex|rwlock|spin|cond|once|barrier)[a-z_]*|sem_[a-z]+|mtx_[a-z]+|cnd_[a-z]+|call_once|flock|lockf|futex|__cxa_guard_acquire'
  [thread]='pthread_(create|join|detach|self|key_create|setspecific|getspecific|exit|cancel|kill)|thrd_[a-z]+|fork|vfork|clone|posix_spawnp?|exec[vlpe]+|system|popen|__cxa_thread_atexit(_impl)?|__tls_get_addr'
  [io]='(__)?(open|openat|creat|read|pread|readv|write|pwrite|writev|close|lseek|ioctl|fcntl|fsync|fdatasync|mmap|munmap|socket|connect|bind|listen|accept4?|send|sendto|sendmsg|recv|recvfrom|recvmsg|poll|ppoll|select|pselect|epoll_[a-z0-9]+|pipe2?|dup[23]?|stat|fstat|lstat|opendir|readdir|unlink|rename|mkdir|syslog|syscall)(64)?(_2|_chk)?|f(open|dopen|reopen|close|read|write|flush|gets|puts|getc|putc|seek|tell)(64)?|puts|putchar|putc|getchar|getc|getline|perror|(__)?(v?)(f|d|s|sn|as)?printf(_chk)?|(__)?(isoc99_)?v?(f|s)?scanf|stdin|stdout|stderr'
  [environment]='(secure_)?getenv|setenv|putenv|environ|setlocale|getpid|gethostname|uname'
)
# C++ names, matched from their beginning.
declare -A banned_cxx=(
  [clock]='std::chrono::(_V2::)?[a-z_]+::now\(|std::chrono::tzdb'
  [randomness]='std::(__[a-z0-9]+::)?random_device'
  [lock]='std::(mutex|timed_mutex|recursive_mutex|shared_mutex|condition_variable|_V2::condition_variable|__atomic_wait|__once_|call_once|counting_semaphore)'
  [thread]='std::(thread|jthread|this_thread|__future_base|async|_V2::error_category::thread)'
  [io]='(vtable for |VTT for |typeinfo for )?std::(__cxx11::)?(basic_[a-z]*(stream|streambuf|filebuf|stringbuf)|ios_base|basic_ios|c(out|err|in|log)\b|filesystem|ostream|istream|__basic_file|locale|print|vprint)|std::(basic_ostream<[^ ]*|ostream)& std::(operator<<|endl|flush)'
)

symbols=$(nm -C --undefined-only "$archive" 2>/dev/null | sed -nE 's/^ *[Uwv] //p' | sed -E 's/@.*$//' | sort -u) || {
  echo "purity.sh: nm cannot read $archive" >&2
  exit 2
}
if [[ -z $symbols ]]; then
  # Even the smallest library that decides anything compares or copies memory: an empty answer is a wrong path.
  echo "purity.sh: $archive names no symbol at all; is it the right one?" >&2
  exit 2
fi

impure=0
report() {
  local kind=$1 found=$2
  [[ -z $found ]] && return
  impure=1
  while IFS= read -r symbol; do echo "$archive needs a thing of kind '$kind': $symbol" >&2; done <<<"$found"
}
for kind in clock randomness lock thread io environment; do
  report "$kind" "$(grep -xE "${banned[$kind]}" <<<"$symbols" || true)"
  [[ -n ${banned_cxx[$kind]:-} ]] && report "$kind" "$(grep -E "^(${banned_cxx[$kind]})" <<<"$symbols" || true)"
done
exit "$impure"
